/** Every field of a create request that Docker's description knows is applied, or refused by name: none is silently dropped. */
import assert from 'node:assert/strict';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { dockerApi } from '../../support/docker-api.ts';
import { DockerMachine } from '../../support/docker-machine.ts';
import { DockerReference, noReference } from '../../support/docker-reference.ts';
import { answersOnly, type CreateCase, donor, folder } from './case.ts';
import { hostCases } from './host-cases.ts';
import { holds, leavesOf } from './leaves.ts';
import { mountCases } from './mount-cases.ts';
import { networkCases } from './network-cases.ts';
import { processCases } from './process-cases.ts';
import { resourceCases } from './resource-cases.ts';

const cases = [...processCases, ...resourceCases, ...mountCases, ...hostCases, ...networkCases];

let host: DockerMachine;

before(async () => {
  host = await DockerMachine.create('dfields', 108);
  await mkdir(folder, { recursive: true });
  await host.sh(`mount --bind ${folder} ${folder} && mount --make-shared ${folder}`);
  await writeFile(join(folder, 'f'), '');
  await host.docker('network', 'create', '--ipv6', '--subnet', '10.99.0.0/24', '--subnet', 'fd99::/64', 'fields-net');
  const volume = ['-v', 'fields-donor:/v', '--ipc', 'shareable', '--network', 'fields-net'];
  await host.docker(
    'run',
    '-d',
    '--name',
    donor,
    ...volume,
    'busybox:test',
    'sh',
    '-c',
    'touch /v/x; mkdir /v/part; touch /v/part/inner; exec sleep 10000',
  );
});

after(async () => {
  await host.sh(`umount -l ${folder} && rm -rf ${folder}`);
  await host[Symbol.asyncDispose]();
});

test('the table has every field of the description', { skip: noReference }, () => {
  const { definitions } = DockerReference.load();
  const known = [
    ...leavesOf(definitions, 'ContainerConfig', 'Config'),
    ...leavesOf(definitions, 'HostConfig', 'HostConfig'),
    ...leavesOf(definitions, 'NetworkingConfig', 'NetworkingConfig'),
  ];
  assert.ok(known.length > 100);
  const samples = cases.map(({ config, host: hostConfig, networking }) => ({
    Config: { Image: 'busybox:test', ...config },
    HostConfig: hostConfig,
    NetworkingConfig: networking,
  }));
  const missing = known.filter((path) => !answersOnly.has(path) && !samples.some((sample) => holds(sample, path)));
  assert.deepEqual(missing, [], 'fields that no case gives');
});

for (const each of cases) test(each.title, { timeout: 30_000 }, () => check(each));

async function check(given: CreateCase): Promise<void> {
  const { config = {}, host: hostConfig = {}, networking = {} } = given;
  const body = { Image: 'busybox:test', Cmd: ['sleep', '10000'], ...config, HostConfig: hostConfig, NetworkingConfig: networking };
  const made = await dockerApi(host.engineSocket, 'POST', '/containers/create', body);
  if (given.refused) {
    assert.equal(made.status, 400, made.body);
    return assert.match((JSON.parse(made.body) as { message: string }).message, given.refused);
  }
  assert.equal(made.status, 201, made.body);
  const { Id: id } = JSON.parse(made.body) as { readonly Id: string };
  try {
    if (!given.isOnlyCreated) {
      const started = await dockerApi(host.engineSocket, 'POST', `/containers/${id}/start`);
      assert.equal(started.status, 204, started.body);
    }
    const inspected = JSON.parse((await dockerApi(host.engineSocket, 'GET', `/containers/${id}/json`)).body) as unknown;
    contains(inspected, given.inspect ?? { Config: config, HostConfig: hostConfig });
    if (given.runtime) {
      const bundle = join(host.folder, 'run/engine/c', id.slice(0, 12), 'config.json');
      contains(JSON.parse(await readFile(bundle, 'utf8')), given.runtime);
    }
    if (given.inside) assert.equal(await host.docker('exec', id, 'sh', '-c', given.inside[0]), given.inside[1]);
  } finally {
    await dockerApi(host.engineSocket, 'DELETE', `/containers/${id}?force=1&v=1`);
  }
}

/** Every part of `expected` is in `actual`; of a list's parts each is like one of the other list. */
function contains(actual: unknown, expected: unknown, path = ''): void {
  if (expected instanceof RegExp) return assert.match(String(actual), expected, path);
  if (Array.isArray(expected)) {
    assert.ok(Array.isArray(actual), `${path}: a list, not ${JSON.stringify(actual)}`);
    for (const part of expected)
      assert.ok(
        actual.some((one) => isLike(one, part)),
        `${path} has ${JSON.stringify(part)}: ${JSON.stringify(actual)}`,
      );
    return;
  }
  if (typeof expected !== 'object' || expected === null) return assert.deepEqual(actual, expected, path);
  assert.ok(typeof actual === 'object' && actual !== null, `${path}: an object, not ${JSON.stringify(actual)}`);
  for (const [name, part] of Object.entries(expected))
    contains((actual as Readonly<Record<string, unknown>>)[name], part, `${path}.${name}`);
}

function isLike(actual: unknown, expected: unknown): boolean {
  try {
    contains(actual, expected);
    return true;
  } catch {
    return false;
  }
}

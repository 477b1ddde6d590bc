/** The audit log of a started davit: what kubectl does is in the file, and no secret is. */
import assert from 'node:assert/strict';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { busyboxTar } from '../support/images.ts';
import { Machine } from '../support/machine.ts';

let machine: Machine;
let path = '';
before(async () => {
  machine = await Machine.create('audit', 151);
  path = join(machine.folder, 'log/audit.log');
  const policy = join(machine.folder, 'policy.yaml');
  await writeFile(
    policy,
    `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: None, userGroups: ["system:nodes"]}
- {level: Metadata, resources: [{group: "", resources: [secrets]}]}
- {level: Metadata, resources: [{group: "", resources: [pods/exec]}]}
- {level: RequestResponse, resources: [{group: "", resources: [configmaps]}]}
`,
  );
  await machine.davit('up', '--audit-policy-file', policy, '--audit-log-path', path);
});
after(() => machine[Symbol.asyncDispose]());

interface Event {
  readonly stage: string;
  readonly verb: string;
  readonly user: { readonly username: string };
  readonly userAgent: string;
  readonly objectRef: { readonly resource: string; readonly subresource?: string; readonly name?: string };
  readonly responseStatus: { readonly code: number };
  readonly responseObject?: { readonly data: object };
}

function found(wanted: (event: Event) => boolean): Promise<Event> {
  return eventually(
    async () => {
      const events = (await readFile(path, 'utf8')).trim().split('\n');
      return events.map((line) => JSON.parse(line) as Event).find(wanted) ?? assert.fail('not in the log');
    },
    { withinMs: 20_000 },
  );
}

test('what kubectl creates and reads', async () => {
  await machine.kubectl('create', 'configmap', 'c', '--from-literal=a=b');
  await machine.kubectl('create', 'secret', 'generic', 's', '--from-literal=password=hunter2');
  await machine.kubectl('get', 'secret', 's', '-o', 'yaml');
  const made = await found(({ verb, objectRef }) => verb === 'create' && objectRef.resource === 'configmaps');
  assert.deepEqual([made.user.username, made.responseStatus.code, made.responseObject?.data], ['kubernetes-admin', 201, { a: 'b' }]);
  assert.match(made.userAgent, /^kubectl\//);
  await found(({ verb, objectRef }) => verb === 'get' && objectRef.name === 's');
  const text = await readFile(path, 'utf8');
  for (const secret of ['hunter2', Buffer.from('hunter2').toString('base64')]) assert.ok(!text.includes(secret));
});

test('an exec, from its beginning to its end', async () => {
  await machine.ok(['sh', '-c', `docker import -c 'CMD ["sh"]' ${await busyboxTar()} busybox:test`]);
  await machine.kubectl('run', 'one', '--image=busybox:test', '--image-pull-policy=IfNotPresent', '--restart=Never', '--', 'sleep', '1000');
  await machine.kubectl('wait', '--for=condition=Ready', 'pod/one', '--timeout=30s');
  assert.equal(await machine.kubectl('exec', 'one', '--', 'echo', 'hello'), 'hello');
  for (const stage of ['ResponseStarted', 'ResponseComplete']) {
    const event = await found((one) => one.stage === stage && one.objectRef.subresource === 'exec');
    assert.deepEqual([event.objectRef.name, event.responseStatus.code], ['one', 101]);
  }
});

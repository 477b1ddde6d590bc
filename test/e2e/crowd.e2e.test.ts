/** Many at once: a hundred containers in parallel, two hundred clients that never read. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { after, before, test } from 'node:test';
import { dockerApi } from '../support/docker-api.ts';
import { DockerMachine } from '../support/docker-machine.ts';
import { eventually } from '../support/eventually.ts';

const image = 'busybox:test';
const many = Number(process.env['DAVIT_CROWD'] ?? 40);
let host: DockerMachine;
let socketPath: string;

before(async () => {
  host = await DockerMachine.create('crowd', 133);
  socketPath = `${host.folder}/run/docker.sock`;
});

after(async () => {
  await host[Symbol.asyncDispose]();
});

async function ask(method: string, path: string, body?: object): Promise<string> {
  const answer = await dockerApi(socketPath, method, path, body);
  assert.ok(answer.status < 300, `${method} ${path}: ${answer.status} ${answer.body}`);
  return answer.body;
}

test(`${many} containers in parallel: all run, none is lost, all go`, { timeout: 120_000 }, async (context) => {
  const began = performance.now();
  const names = Array.from({ length: many }, (_, index) => `one${index}`);
  const create = { Image: image, Cmd: ['sleep', '1000'], Labels: { crowd: '1' } };
  await Promise.all(
    names.map(async (name) => {
      await ask('POST', `/containers/create?name=${name}`, create);
      await ask('POST', `/containers/${name}/start`);
    }),
  );
  const seconds = (performance.now() - began) / 1000;
  const running = JSON.parse(await ask('GET', '/containers/json')) as readonly { readonly Names: readonly string[] }[];
  assert.equal(running.length, many);
  const addresses = await host.sh(`docker inspect -f '{{.NetworkSettings.IPAddress}}' $(docker ps -q) | sort -u | wc -l`);
  assert.equal(addresses.trim(), String(many));
  await Promise.all(names.map((name) => ask('DELETE', `/containers/${name}?force=1`)));
  assert.equal(await host.docker('ps', '-aq'), '');
  context.diagnostic(`${(many / seconds).toFixed(1)} containers a second`);
});

/** Asks and never reads. */
function stuck(path: string): Socket {
  const socket = connect(socketPath);
  socket.on('error', () => undefined);
  socket.pause();
  const [method, upgrade] = path.includes('/attach') ? ['POST', 'Connection: Upgrade\r\nUpgrade: tcp\r\n'] : ['GET', ''];
  socket.write(`${method} /v1.48${path} HTTP/1.1\r\nHost: docker\r\n${upgrade}\r\n`);
  return socket;
}

test('200 clients that do not read: memory stays bounded, nobody else waits', { timeout: 120_000 }, async (context) => {
  const talker = 'while :; do echo a line that is not read by anybody at all, not even by those who asked for it; done';
  await host.docker('run', '-d', '--name', 'talker', '--cpus', '0.3', image, 'sh', '-c', talker);
  await host.docker('run', '-d', '--name', 'attached', '--cpus', '0.2', image, 'sh', '-c', talker);
  const paths = [
    '/events',
    '/containers/talker/stats',
    '/containers/talker/logs?follow=1&stdout=1',
    '/containers/attached/attach?stream=1&stdout=1&stderr=1',
  ];
  const clients = Array.from({ length: 200 }, (_, index) => stuck(paths[index % paths.length] ?? ''));
  try {
    const busy = async (): Promise<void> => {
      for (let round = 0; round < 6; round += 1) await host.docker('run', '--rm', image, 'true');
    };
    await busy();
    const full = residentMegabytes();
    await busy();
    const began = performance.now();
    await ask('GET', '/containers/json');
    const waited = performance.now() - began;
    const grown = residentMegabytes() - full;
    context.diagnostic(`${full.toFixed(0)} MB, then ${grown.toFixed(0)} MB more; another client waited ${waited.toFixed(0)} ms`);
    assert.ok(full < 500 && grown < 80, `${full} MB, then ${grown} MB more`);
    assert.ok(waited < 2000, `${waited} ms`);
    assert.equal(await host.docker('exec', 'talker', 'echo', 'alive'), 'alive');
  } finally {
    for (const client of clients) client.destroy();
  }
  await host.docker('rm', '-f', 'talker', 'attached');
  await eventually(async () => assert.equal(await host.docker('ps', '-aq'), ''), { withinMs: 5000 });
});

function residentMegabytes(): number {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${host.enginePid}/status`, 'utf8'))?.[1] ?? 0) / 1000;
}

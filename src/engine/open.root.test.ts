import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { PassThrough, type Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { EngineLab } from '../../test/support/engine-lab.ts';
import { stateOf } from './containers/state.ts';

let lab: EngineLab;
before(async () => {
  lab = await EngineLab.open('reo');
});
after(() => lab[Symbol.asyncDispose]());

test('what was frozen or thawed when the engine was killed is seen as it is', async () => {
  const ids = { frozen: await lab.start('frozen', 'exec sleep 100'), thawed: await lab.start('thawed', 'exec sleep 100') };
  await lab.engine.containers.pause('thawed');
  await lab.reopen(async () => {
    // Done, and not noted any more.
    await lab.kernel.runtime.pause(ids.frozen);
    await lab.kernel.runtime.resume(ids.thawed);
  });
  const { containers } = lab.engine;
  assert.deepEqual([stateOf(await containers.get('frozen')), stateOf(await containers.get('thawed'))], ['paused', 'running']);
  await containers.unpause('frozen');
  await Promise.all(Object.keys(ids).map((name) => containers.remove(name, { force: true, volumes: true })));
});

test('containers outlive the engine: those that run are taken over, those that ended have their exit code', async () => {
  const { engine } = lab;
  await engine.networks.create({ name: 'app', driver: 'bridge' });
  const running = await lab.start(
    'running',
    'echo before; while true; do sleep 0.05; test -e /tmp/more && echo after && rm /tmp/more; done',
    {
      network: 'app',
      ports: [{ containerPort: 80, protocol: 'tcp', hostPort: 8080 }],
    },
  );
  await lab.start('friend', 'sleep 100', { network: 'app' });
  const ending = await lab.start('ending', 'while ! test -e /tmp/end; do sleep 0.05; done; exit 7');
  await lab.start('coming-back', 'sleep 100', { restart: { name: 'always', maximumRetries: 0 } });
  const original = await engine.containers.get('running');
  const { pid: endingPid } = await engine.containers.get('ending');
  const { pid: backPid } = await engine.containers.get('coming-back');
  await lab.exec('ending', 'touch /tmp/end');
  await lab.reopen(async () => {
    await lab.kernel.firewall.restore('*nat\n:DOCKER - [0:0]\nCOMMIT\n');
    lab.kernel.processes.kill(backPid ?? 0, 9);
    for (const pid of [endingPid, backPid]) await lab.kernel.processes.exited(pid ?? 0);
  });

  const { containers } = lab.engine;
  const found = await containers.get(running);
  assert.deepEqual([found.pid, found.name, found.startedAt], [original.pid, 'running', original.startedAt]);
  assert.equal((await containers.wait(ending, 'not-running', lab.signal)).exitCode, 7);
  const ended = await containers.get(ending);
  assert.ok(ended.finishedAt && ended.finishedAt.getTime() <= Date.now() && ended.finishedAt.getTime() > Date.now() - 60_000);
  assert.match(await lab.kernel.firewall.save('nat'), /--dport 8080 -j DNAT/, 'the rules are back');

  assert.equal((await lab.exec('running', 'touch /tmp/more; echo exec')).output, 'exec\n');
  for await (const { data } of containers.logs(running, { follow: true, stdout: true, stderr: true }, lab.signal))
    if (data.toString() === 'after\n') break;
  assert.equal(
    (await lab.exec('running', 'ping -c1 -W1 friend > /dev/null && echo named')).output,
    'named\n',
    'embedded DNS answers again',
  );
  const third = await containers.create({ image: 'busybox', network: 'app', command: ['sleep', '9'] });
  await containers.start(third.container.id);
  assert.equal((await containers.get(third.container.id)).endpoints[0]?.ipv4, '172.18.0.4/16', 'addresses in use are not given again');

  for (let attempt = 0; (await containers.get('coming-back')).pid === undefined && attempt < 1000; attempt++)
    await new Promise(setImmediate);
  await containers.stop('running', { timeoutSeconds: 0 });
  assert.equal((await containers.get('running')).exitCode, 137);
  for (const { id } of await containers.list()) await containers.remove(id, { force: true, volumes: true });
  await lab.engine.networks.remove('app');
  assert.deepEqual(lab.leftovers(), []);
});

test('a removal that was cut off is finished, and what has no record is swept', async () => {
  const id = await lab.start('half', 'sleep 100');
  const [entry] = lab.store.range(`/containers/${id}`).entries;
  assert.ok(entry);
  const record = JSON.parse(Buffer.from(entry.value).toString()) as object;
  const stranger = await lab.start('stranger', 'sleep 100');
  await lab.reopen(async () => {
    await lab.store.write([
      { put: entry.key, value: Buffer.from(JSON.stringify({ ...record, isRemoving: true })) },
      { delete: `/containers/${stranger}` },
    ]);
  });
  assert.deepEqual(await lab.engine.containers.list(), []);
  assert.deepEqual(lab.leftovers(), []);
});

test('a build step runs on the bridge, streams its output and becomes a layer', async () => {
  const image = await lab.engine.images.get('busybox');
  const context = await tarOf({
    Dockerfile: 'FROM busybox\nRUN echo building && ip -o -4 addr show eth0 && echo made > /made\nUSER nobody\nCMD ["cat", "/made"]\n',
  });
  let text = '';
  const request = { context, names: ['built'], buildArgs: {}, labels: {}, noCache: false, pull: false };
  for await (const item of lab.engine.builder.build(request, lab.signal)) if ('stream' in item) text += item.stream;
  assert.match(text, /building\n[\s\S]*172\.17\.0\.\d+/);
  assert.notEqual((await lab.engine.images.get('built')).id, image.id);
  const { container } = await lab.engine.containers.create({ image: 'built', name: 'built' });
  await lab.engine.containers.start(container.id);
  await lab.engine.containers.wait(container.id, 'not-running', lab.signal);
  assert.equal(await lab.logs('built'), 'made\n');
  await lab.engine.containers.remove('built', { force: true, volumes: true });
  assert.deepEqual(lab.leftovers(), []);
});

/** A tar made by the program of that name. */
async function tarOf(files: Readonly<Record<string, string>>): Promise<Readable> {
  const folder = mkdtempSync('/tmp/dv-ctx-');
  try {
    for (const [name, content] of Object.entries(files)) writeFileSync(`${folder}/${name}`, content);
    return new PassThrough().end(execFileSync('tar', ['-cf', '-', '-C', folder, '.']));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

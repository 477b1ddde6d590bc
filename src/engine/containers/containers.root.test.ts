import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { isKind } from '../../base/errors.ts';
import { eventually } from '../../../test/support/eventually.ts';
import { EngineLab } from '../../../test/support/engine-lab.ts';
import type { EngineEvent } from '../events/events.ts';

let lab: EngineLab;
before(async () => {
  lab = await EngineLab.open('ctr');
});
after(() => lab[Symbol.asyncDispose]());

async function eventsUntil(action: string, during: () => Promise<unknown>): Promise<readonly EngineEvent[]> {
  const controller = new AbortController();
  const seen: EngineEvent[] = [];
  const reading = (async () => {
    for await (const event of lab.engine.events.stream({}, controller.signal)) {
      seen.push(event);
      if (event.action === action) return;
    }
  })();
  await during();
  await reading;
  controller.abort();
  return seen;
}

test('output, exit code, environment, user; nothing is left', async () => {
  const { exitCode, output } = await lab.run('echo out; echo $A; id -u; hostname; cat /proc/self/status | grep CapEff; exit 3', {
    env: ['A=b'],
    user: 'nobody',
    hostname: 'box',
  });
  assert.equal(exitCode, 3);
  assert.equal(output, 'out\nb\n65534\nbox\nCapEff:\t0000000000000000\n');
  assert.deepEqual(lab.leftovers(), []);
});

test('root has Docker’s capabilities and the default seccomp profile', async () => {
  const { output } = await lab.run(
    'grep -E "CapEff|Seccomp:" /proc/self/status; mount -t tmpfs x /tmp 2>&1; cat /proc/sys/net/ipv4/ip_unprivileged_port_start',
  );
  assert.match(output, /CapEff:\t00000000a80425fb\nSeccomp:\t2\n.*(denied|permitted)[\s\S]*\n0\n/);
});

test('a failed start says why in dockerd’s words and leaves nothing', async () => {
  const { containers } = lab.engine;
  const { container } = await containers.create({ image: 'busybox', command: ['nope'] });
  await assert.rejects(
    containers.start(container.id),
    /failed to create task for container.*exec: "nope": executable file not found in \$PATH/s,
  );
  const failed = await containers.get(container.id);
  assert.equal(failed.exitCode, 127);
  assert.deepEqual(
    lab.leftovers().filter((path) => !path.startsWith('data/containers/') && !path.startsWith('run/c/')),
    [],
  );
  await containers.remove(container.id, { force: false, volumes: true });
  assert.deepEqual(lab.leftovers(), []);
});

test('names: taken, invalid, missing', async () => {
  const { containers } = lab.engine;
  const { container } = await containers.create({ image: 'busybox', name: 'taken' });
  await assert.rejects(
    containers.create({ image: 'busybox', name: 'taken' }),
    new RegExp(`The container name "/taken" is already in use by container "${container.id}"`),
  );
  await assert.rejects(containers.create({ image: 'busybox', name: '-x' }), (error) => isKind(error, 'invalid'));
  await assert.rejects(containers.get('nobody'), /No such container: nobody/);
  await containers.rename('taken', 'renamed');
  assert.equal((await containers.get(container.id.slice(0, 10))).name, 'renamed');
  await containers.remove('renamed', { force: false, volumes: true });
});

test('stop asks, then kills; events tell it', async () => {
  await lab.start('stubborn', 'trap "" TERM; while true; do sleep 1; done');
  const events = await eventsUntil('stop', () => lab.engine.containers.stop('stubborn', { timeoutSeconds: 0 }));
  assert.deepEqual(
    events.map(({ action }) => action),
    ['kill', 'kill', 'die', 'disconnect', 'stop'],
  );
  const stopped = await lab.engine.containers.get('stubborn');
  assert.deepEqual([stopped.exitCode, stopped.pid, stopped.oomKilled], [137, undefined, false]);
  assert.equal(await lab.engine.containers.stop('stubborn'), false);
  assert.equal(await lab.engine.containers.start('stubborn'), true);
  await lab.engine.containers.remove('stubborn', { force: true, volumes: true });
  assert.deepEqual(lab.leftovers(), []);
});

test('autoRemove waits for the end, then there is nothing', async () => {
  const { containers } = lab.engine;
  const { container } = await containers.create({ image: 'busybox', command: ['true'], autoRemove: true });
  const removed = containers.wait(container.id, 'removed', lab.signal);
  await containers.start(container.id);
  assert.equal((await removed).exitCode, 0);
  await assert.rejects(containers.get(container.id), (error) => isKind(error, 'notFound'));
  assert.deepEqual(lab.leftovers(), []);
});

test('what a program says first is not older than its start', async () => {
  const { containers } = lab.engine;
  const names = Array.from({ length: 8 }, (_, index) => `prompt${index}`);
  await Promise.all(names.map((name) => lab.start(name, 'echo first; exec sleep 1000')));
  for (const name of names) {
    const { startedAt } = await containers.get(name);
    await eventually(async () => assert.equal(await lab.logs(name), 'first\n'), { withinMs: 10_000 });
    const options = { follow: false, stdout: true, stderr: true, ...(startedAt && { since: startedAt }) };
    const lines = await Array.fromAsync(containers.logs(name, options, lab.signal));
    assert.equal(lines.length, 1, `${name}: ${startedAt?.toISOString()}`);
    await containers.remove(name, { force: true, volumes: true });
  }
});

test('restart policy: on-failure with a limit', async () => {
  await lab.start('again', 'echo run; exit 1', { restart: { name: 'on-failure', maximumRetries: 2 } });
  const { exitCode } = await lab.engine.containers.wait('again', 'not-running', lab.signal);
  const container = await lab.engine.containers.get('again');
  assert.deepEqual([exitCode, container.restartCount], [1, 2]);
  assert.equal(await lab.logs('again'), 'run\nrun\nrun\n');
  await lab.engine.containers.remove('again', { force: false, volumes: true });
});

test('limits reach the kernel; an out-of-memory kill is told', async () => {
  const { output } = await lab.run('cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null', {
    limits: { memoryBytes: 32 * 1024 * 1024 },
  });
  assert.match(output, /^33554432\n/);
  await lab.start('hungry', 'x=$(yes | head -c 100000000); echo $x', {
    limits: { memoryBytes: 16 * 1024 * 1024, memorySwapBytes: 16 * 1024 * 1024 },
  });
  await lab.engine.containers.wait('hungry', 'not-running', lab.signal);
  assert.equal((await lab.engine.containers.get('hungry')).oomKilled, true);
  await lab.engine.containers.remove('hungry', { force: true, volumes: true });
});

test('stdin, terminal and exec', async () => {
  const { containers, execs } = lab.engine;
  const { container } = await containers.create({ image: 'busybox', command: ['cat'], openStdin: true, stdinOnce: true });
  const attachment = await containers.attach(container.id, { stdin: true });
  await containers.start(container.id);
  await attachment.write(Buffer.from('hello'));
  const id = await execs.create(container.id, { command: ['sh', '-c', 'echo $X; exit 5'], env: ['X=y'], tty: false });
  const stream = await execs.start(id, { detach: false });
  assert.ok(stream);
  assert.equal(Buffer.concat(await Array.fromAsync(stream.output, ({ data }) => data)).toString(), 'y\n');
  assert.equal(await execs.wait(id, lab.signal), 5);
  attachment.endInput();
  assert.equal(Buffer.concat(await Array.fromAsync(attachment.output, ({ data }) => data)).toString(), 'hello');
  assert.equal((await containers.wait(container.id, 'not-running', lab.signal)).exitCode, 0);
  await assert.rejects(execs.create(container.id, { command: ['true'] }), (error) => isKind(error, 'conflict'));
  await containers.remove(container.id, { force: false, volumes: true });
});

test('an exec that ends its container is told about until the container is removed', async () => {
  const { containers, execs } = lab.engine;
  // The end of a container kills what still runs in it: it waits until the other one has ended by itself.
  await lab.start('brief', 'until [ -s /go ] && ! kill -0 $(cat /go) 2>/dev/null; do sleep 0.01; done');
  const id = await execs.create('brief', { command: ['sh', '-c', 'echo $$ > /go'] });
  await execs.start(id, { detach: true });
  await containers.wait('brief', 'not-running', lab.signal);
  assert.equal(await execs.wait(id, lab.signal), 0);
  assert.equal((await execs.get(id)).exitCode, 0);
  await containers.remove('brief', { force: false, volumes: false });
  await assert.rejects(execs.get(id), (error) => isKind(error, 'notFound'));
});

test('exec past its time is killed', async () => {
  await lab.start('slow', 'sleep 100');
  const result = await lab.engine.execs.run('slow', { command: ['sleep', '50'] }, { timeoutMs: 200, maxBytes: 10 });
  assert.equal(result.timedOut, true);
  const daemon = await lab.engine.execs.run(
    'slow',
    { command: ['sh', '-c', 'sleep 60 & echo started'] },
    { timeoutMs: 5000, maxBytes: 100 },
  );
  assert.deepEqual([daemon.exitCode, daemon.output], [0, 'started\n'], 'a child that holds the output open is not waited for');
  await lab.engine.containers.remove('slow', { force: true, volumes: true });
});

test('volumes keep their content and are filled from the image; binds and tmpfs', async () => {
  await lab.run('echo kept > /v/file', { mounts: [{ type: 'volume', source: 'data', target: '/v', readOnly: false }] });
  const { output } = await lab.run('cat /v/file; touch /v/x 2>&1; ls /filled | head -1; touch /t/a && echo ok', {
    mounts: [
      { type: 'volume', source: 'data', target: '/v', readOnly: true },
      { type: 'bind', source: lab.folder, target: '/bound', readOnly: true },
      { type: 'volume', target: '/filled', readOnly: false },
      { type: 'tmpfs', target: '/t', options: [] },
    ],
  });
  assert.match(output, /^kept\ntouch: \/v\/x: Read-only file system\nok\n$/);
  await lab.run('true', { mounts: [{ type: 'volume', source: 'etc', target: '/etc', readOnly: false }] });
  assert.match(
    (await lab.run('cat /x/passwd', { mounts: [{ type: 'volume', source: 'etc', target: '/x', readOnly: false }] })).output,
    /^root:/,
  );
  assert.deepEqual((await lab.engine.volumes.list()).map(({ name }) => name).sort(), ['data', 'etc']);
  await lab.engine.volumes.prune({ all: true });
});

test('files in and out, changes, commit, export', async () => {
  const { containers, images } = lab.engine;
  const { container } = await containers.create({
    image: 'busybox',
    name: 'files',
    command: ['sh', '-c', 'echo new > /root/made; rm /etc/group; sleep 100'],
  });
  await containers.start('files');
  while ((await lab.exec('files', 'test -e /etc/group')).exitCode === 0);
  assert.deepEqual(
    (await containers.changes('files')).filter(({ path }) => !/hosts|resolv|hostname|^\/(dev|proc|sys)/.test(path)),
    [
      { path: '/etc', kind: 'modified' },
      { path: '/etc/group', kind: 'deleted' },
      { path: '/root', kind: 'modified' },
      { path: '/root/made', kind: 'added' },
    ],
  );
  const { stat, tar } = await containers.readArchive('files', '/root/made');
  assert.deepEqual([stat.name, stat.size], ['made', 4]);
  const bytes = Buffer.concat(await Array.fromAsync(tar, (block) => Buffer.from(block)));
  await containers.writeArchive('files', '/tmp', Readable.from([bytes]), { noOverwriteDirNonDir: false, copyOwnership: false });
  assert.equal((await lab.exec('files', 'cat /tmp/made')).output, 'new\n');
  const sizeOf = (blocks: readonly Uint8Array[]): number => blocks.reduce((sum, block) => sum + block.length, 0);
  const live = sizeOf(await Array.fromAsync(await containers.export('files')));
  assert.ok(live > 1_000_000);
  await containers.stop('files', { timeoutSeconds: 0 });
  assert.equal((await containers.statPath('files', '/tmp/made')).size, 4);
  await assert.rejects(containers.statPath('files', '/none'), /Could not find the file \/none in container files/);
  const id = await containers.commit(container.id, { pause: true, reference: 'made:1', message: 'm' });
  assert.equal((await images.get('made:1')).id, id);
  assert.equal((await lab.run('cat /root/made', { image: 'made:1' })).output, 'new\n');
  for await (const block of await containers.export('files')) if (block.length > 0) break;
  assert.equal(sizeOf(await Array.fromAsync(await containers.export('files'))), live);
  const givenUp = new AbortController();
  await containers.export('files', givenUp.signal);
  givenUp.abort();
  await containers.remove('files', { force: true, volumes: true });
  assert.deepEqual(lab.leftovers(), []);
});

test('a container that ends while it is committed is committed', async () => {
  const { containers, images } = lab.engine;
  const { container } = await containers.create({ image: 'busybox', name: 'brief', command: ['true'] });
  for (let round = 0; round < 15; round += 1) {
    await containers.start(container.id);
    await containers.commit(container.id, { pause: true, reference: 'brief:1' });
  }
  await containers.wait(container.id, 'not-running', new AbortController().signal);
  await containers.remove(container.id, { force: true, volumes: true });
  await images.remove('brief:1', { force: true, noPrune: false });
});

test('pause, top, stats, health', async () => {
  await lab.start('sick', 'sleep 100', { healthcheck: { Test: ['CMD-SHELL', 'exit 1'], Interval: 50_000_000, Retries: 2 } });
  const events = await eventsUntil('health_status: unhealthy', async () => undefined);
  assert.ok(events.length > 0);
  const { containers } = lab.engine;
  await containers.pause('sick');
  assert.ok((await containers.get('sick')).pausedAt);
  await assert.rejects(containers.pause('sick'), (error) => isKind(error, 'conflict'));
  await containers.unpause('sick');
  assert.ok((await containers.top('sick', '')).processes.some((row) => row.includes('sleep 100')));
  assert.equal((await containers.top('sick', '-o pid,args')).processes.length, 1);
  const stats = await containers.stats('sick');
  assert.ok((stats.memory?.usageBytes ?? 0) > 0 && stats.networks['eth0']);
  await containers.remove('sick', { force: true, volumes: true });
});

/** Mounts of a container on the real kernel: parts of volumes, volumes that are mounts, shared memory, read-only trees. */
import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { EngineLab } from '../../../test/support/engine-lab.ts';

let lab: EngineLab;

before(async () => {
  lab = await EngineLab.open('mounts');
});

after(() => lab[Symbol.asyncDispose]());

const volume = (source: string, target: string, subpath?: string) => ({
  type: 'volume' as const,
  source,
  target,
  readOnly: false,
  ...(subpath && { subpath }),
});

test('a part of a volume: a folder, a file, and no way out of it', async () => {
  const { mountpoint } = await lab.engine.volumes.create({ name: 'parts' });
  mkdirSync(join(mountpoint, 'a/b'), { recursive: true });
  writeFileSync(join(mountpoint, 'a/b/file'), 'inside');
  symlinkSync('/etc', join(mountpoint, 'out'));
  symlinkSync('../../../../../../../../etc', join(mountpoint, 'up'));
  const folder = await lab.run('cat /part/file; echo new > /part/made', { mounts: [volume('parts', '/part', 'a/b')] });
  assert.equal(folder.output, 'inside');
  const file = await lab.run('cat /one; cat /part/made', {
    mounts: [volume('parts', '/one', 'a/b/file'), volume('parts', '/part', 'a/b')],
  });
  assert.equal(file.output, 'insidenew\n');
  for (const link of ['out', 'up']) {
    await assert.rejects(lab.run('ls /part', { mounts: [volume('parts', '/part', link)] }), /cannot access path \w+ of volume parts/);
  }
  await assert.rejects(lab.run('true', { mounts: [volume('parts', '/part', '../..')] }), { kind: 'invalid' });
  assert.deepEqual(lab.leftovers(), []);
});

test('a volume that is a mount: there while somebody runs with it, also across a restart of the engine', async () => {
  const { mountpoint } = await lab.engine.volumes.create({ name: 'ram', options: { type: 'tmpfs', device: 'tmpfs', o: 'size=1m,uid=7' } });
  const isMounted = (): boolean => lab.kernel.mounts.list().some(({ target }) => target === mountpoint);
  assert.equal(isMounted(), false);
  const mounts = [volume('ram', '/ram')];
  await lab.start('one', 'echo kept > /ram/x; sleep 100', { mounts });
  await lab.start('two', 'sleep 100', { mounts });
  assert.match((await lab.exec('two', 'cat /ram/x; stat -c %u /ram; df -k /ram')).output, /^kept\n7\n[^]* 1024 /);
  await lab.reopen();
  await lab.engine.containers.remove('one', { force: true, volumes: false });
  assert.equal(isMounted(), true);
  assert.equal((await lab.exec('two', 'cat /ram/x')).output, 'kept\n');
  await lab.engine.containers.remove('two', { force: true, volumes: false });
  assert.equal(isMounted(), false);
  await lab.engine.volumes.remove('ram', { force: false });
  await assert.rejects(lab.engine.volumes.create({ name: 'bad', options: { type: 'tmpfs' } }), /missing required option: "device"/);
  await assert.rejects(lab.engine.volumes.create({ name: 'bad', options: { fast: 'yes' } }), /invalid option: "fast"/);
});

test('shared memory: with whom one shares IPC, and only with a donor', async () => {
  await lab.start('donor', 'echo shared > /dev/shm/x; sleep 100', { ipcMode: 'shareable', shmBytes: 1 << 20 });
  const guest = await lab.run('cat /dev/shm/x; df -k /dev/shm', { ipcMode: 'container:donor' });
  assert.match(guest.output, /^shared\n[^]* 1024 /);
  await lab.start('private', 'sleep 100');
  await assert.rejects(lab.run('true', { ipcMode: 'container:private' }), /non-shareable IPC/);
  assert.equal((await lab.run('ls -d /dev/shm', { ipcMode: 'none' })).exitCode, 1);
  for (const name of ['donor', 'private']) await lab.engine.containers.remove(name, { force: true, volumes: true });
  assert.deepEqual(lab.leftovers(), []);
});

test('read-only means all that is mounted below, unless asked otherwise; non-recursive leaves it out', async () => {
  const source = join(lab.folder, 'tree');
  mkdirSync(join(source, 'below'), { recursive: true });
  lab.kernel.mounts.mount({ type: 'tmpfs', source: 'tmpfs', target: join(source, 'below'), options: [] });
  writeFileSync(join(source, 'below/there'), '');
  const bind = (more: object) => ({ mounts: [{ type: 'bind' as const, source, target: '/tree', readOnly: true, ...more }] });
  try {
    assert.match((await lab.run('touch /tree/x; touch /tree/below/x', bind({}))).output, /tree\/x: Read-only[^]*below\/x: Read-only/);
    assert.doesNotMatch((await lab.run('touch /tree/x; touch /tree/below/x', bind({ readOnlyNonRecursive: true }))).output, /below/);
    assert.equal((await lab.run('ls /tree/below', bind({ nonRecursive: true }))).output, '');
  } finally {
    lab.kernel.mounts.unmount(join(source, 'below'));
  }
});

test('a symlink of the image where a mount shall go stays inside the container', async () => {
  const { mountpoint } = await lab.engine.volumes.create({ name: 'tricky' });
  symlinkSync('/etc', join(mountpoint, 'etc'));
  symlinkSync('/../../../../../../tmp', join(mountpoint, 'tmp'));
  const bind = (target: string) => ({ type: 'bind' as const, source: lab.folder, target, readOnly: true });
  for (const target of ['/v/etc/mounted', '/v/tmp/mounted']) {
    const { output } = await lab
      .run('ls -d /etc/mounted /tmp/mounted 2>/dev/null', { mounts: [volume('tricky', '/v'), bind(target)] })
      .catch((error: Error) => ({ output: error.message }));
    assert.match(output, /mounted/);
  }
  const { statSync } = await import('node:fs');
  for (const path of ['/etc/mounted', '/tmp/mounted']) assert.equal(statSync(path, { throwIfNoEntry: false }), undefined);
});

test('what is mounted later propagates as asked: to a slave, both ways when shared, not to a private one', async () => {
  const folder = join(lab.folder, 'propagates');
  const { mounts } = lab.kernel;
  mkdirSync(join(folder, 'late'), { recursive: true });
  mkdirSync(join(folder, 'from-inside'));
  mounts.mount({ type: 'none', source: folder, target: folder, options: ['bind'] });
  mounts.mount({ type: 'none', source: 'none', target: folder, options: ['shared'] });
  const bind = (propagation: string) => ({
    mounts: [{ type: 'bind' as const, source: folder, target: '/p', readOnly: false, propagation }],
  });
  const kinds = ['rprivate', 'rslave', 'rshared'] as const;
  for (const kind of kinds) await lab.start(kind, 'exec sleep 1000', { ...bind(kind), ...(kind === 'rshared' && { privileged: true }) });
  mounts.mount({ type: 'tmpfs', source: 'tmpfs', target: join(folder, 'late'), options: ['size=1m'] });
  const seen = kinds.map(async (kind) => (await lab.exec(kind, "grep -c ' /p/late ' /proc/mounts")).output.trim());
  assert.deepEqual(await Promise.all(seen), ['0', '1', '1']);
  await lab.exec('rshared', 'mount -t tmpfs tmpfs /p/from-inside');
  assert.ok(mounts.list().some(({ target }) => target === join(folder, 'from-inside')));
  await Promise.all(kinds.map((kind) => lab.engine.containers.remove(kind, { force: true, volumes: true })));
  for (const name of ['late', 'from-inside', '.']) mounts.unmount(join(folder, name));
});

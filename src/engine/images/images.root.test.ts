import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { silentLog } from '../../base/log.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { openKernel } from '../../kernel/linux.ts';
import { memoryStore } from '../../store/memory.ts';
import type { Store } from '../../store/store.ts';
import { packTar } from '../archive/run-job.ts';
import { createEvents } from '../events/ring.ts';
import type { LocalImages } from './local-images.ts';
import type { OverlaySnapshots } from '../snapshots/overlay-snapshots.ts';
import { openImages } from './open.ts';

interface Room {
  readonly directory: string;
  readonly images: LocalImages;
  readonly snapshots: OverlaySnapshots;
  readonly kernel: Kernel;
  readonly store: Store;
  reopen(): Promise<Room>;
}

async function room(run: (room: Room) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(`${tmpdir()}/davit-images-`);
  const kernel = await openKernel({});
  const store = memoryStore();
  const open = async (): Promise<Room> => {
    const opened = await openImages({ dataRoot: `${directory}/data`, kernel, store, events: createEvents(), log: silentLog });
    return { directory, kernel, store, ...opened, reopen: open };
  };
  try {
    await run(await open());
  } finally {
    for (const point of kernel.mounts.list()) if (point.target.startsWith(directory)) kernel.mounts.unmount(point.target);
    await kernel[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A tiny root file system, with a capability on `bin/ping`. */
/** A piece is good until the next is asked for. */
async function archiveOf(images: LocalImages, name: string): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(await images.save([name]), (piece) => Buffer.from(piece)));
}

function rootfs(directory: string): Readable {
  const root = `${directory}/rootfs-${readdirSync(directory).length}`;
  mkdirSync(`${root}/bin`, { recursive: true });
  mkdirSync(`${root}/etc`);
  writeFileSync(`${root}/bin/ping`, 'ping', { mode: 0o755 });
  writeFileSync(`${root}/etc/passwd`, 'root:x:0:0::/root:/bin/sh\n');
  execFileSync('setcap', ['cap_net_raw+ep', `${root}/bin/ping`]);
  return packTar(root, { whiteouts: 'plain' });
}

test('import, change, commit, save, load: the same image with the same bytes, capabilities kept', () =>
  room(async ({ directory, images, snapshots, kernel }) => {
    const base = await images.import(rootfs(directory), { reference: 'base:1' });
    await snapshots.prepare('c1', base.config.rootfs.diff_ids);
    const target = `${directory}/merged`;
    mkdirSync(target);
    kernel.mounts.mount(snapshots.mount('c1', target));
    execFileSync('sh', [
      '-ec',
      'cd "$1"; rm etc/passwd; echo new > etc/new; mkdir opt; echo x > opt/f; cp bin/ping opt/ping; setcap cap_net_bind_service+ep opt/ping',
      'sh',
      target,
    ]);
    kernel.mounts.unmount(target);
    assert.deepEqual(await snapshots.changes('c1'), [
      { path: '/etc', kind: 'modified' },
      { path: '/etc/new', kind: 'added' },
      { path: '/etc/passwd', kind: 'deleted' },
      { path: '/opt', kind: 'added' },
      { path: '/opt/f', kind: 'added' },
      { path: '/opt/ping', kind: 'added' },
    ]);
    const kept = await snapshots.commit('c1');
    const layer = await snapshots.commit('c1', { consume: true });
    assert.equal(kept.diffId, layer.diffId);
    const config = { ...base.config, rootfs: { type: 'layers' as const, diff_ids: [...base.config.rootfs.diff_ids, layer.diffId] } };
    const image = await images.create(config, { names: ['app'], parent: base.id });
    assert.deepEqual(image.names, ['app:latest']);

    const saved = await archiveOf(images, 'app');
    await images.remove('app', { force: false, noPrune: false });
    await images.remove('base:1', { force: false, noPrune: false });
    assert.deepEqual(await images.list(), []);
    assert.deepEqual(readdirSync(`${directory}/data/overlay2`), ['empty']);
    const lines = await Array.fromAsync(images.load(Readable.from([saved])));
    assert.deepEqual(lines, ['Loaded image: app:latest']);
    assert.equal((await images.get('app')).id, image.id);
    assert.ok((await archiveOf(images, 'app')).equals(saved));

    await snapshots.prepare('c2', image.config.rootfs.diff_ids);
    kernel.mounts.mount(snapshots.mount('c2', target));
    assert.match(
      execFileSync('getcap', [`${target}/opt/ping`, `${target}/bin/ping`], { encoding: 'utf8' }),
      /opt\/ping cap_net_bind_service=ep\n.*bin\/ping cap_net_raw=ep/,
    );
    assert.equal(existsSync(`${target}/etc/passwd`), false);
    kernel.mounts.unmount(target);
    await snapshots.remove('c2');
  }));

test('loads a foreign archive and saves it again with the same digests', () =>
  room(async ({ directory, images }) => {
    const image = await images.import(rootfs(directory), { reference: 'x' });
    execFileSync('sh', [
      '-ec',
      'cd "$1"; mkdir -p t f; printf data > t/f; tar -C t --format=gnu --owner=5 -cf f/layer.tar .',
      'sh',
      directory,
    ]);
    const diffId = `sha256:${execFileSync('sha256sum', [`${directory}/f/layer.tar`], { encoding: 'utf8' }).slice(0, 64)}`;
    writeFileSync(
      `${directory}/f/c.json`,
      JSON.stringify({ ...image.config, rootfs: { type: 'layers', diff_ids: [diffId] } }, undefined, 3),
    );
    writeFileSync(
      `${directory}/f/manifest.json`,
      JSON.stringify([{ Config: 'c.json', RepoTags: ['foreign:2'], Layers: ['layer.tar.gz'] }]),
    );
    execFileSync('sh', ['-ec', 'cd "$1/f"; gzip layer.tar; tar -cf ../f.tar .', 'sh', directory]);
    await Array.fromAsync(images.load(Readable.from([readFileSync(`${directory}/f.tar`)])));
    const foreign = await images.get('foreign:2');
    const saved = await archiveOf(images, 'foreign:2');
    await images.remove('foreign:2', { force: false, noPrune: false });
    await Array.fromAsync(images.load(Readable.from([saved])));
    assert.equal((await images.get('foreign:2')).id, foreign.id);
  }));

test('removal follows dockerd: names, users, prefixes', () =>
  room(async ({ directory, images }) => {
    const image = await images.import(rootfs(directory), { reference: 'a' });
    await images.tag('a', 'other/b:1');
    const short = image.id.slice(7, 19);
    await assert.rejects(images.remove(short, { force: false, noPrune: false }), {
      kind: 'conflict',
      message: `conflict: unable to delete ${short} (must be forced) - image is referenced in multiple repositories`,
    });
    assert.deepEqual(await images.remove('a', { force: false, noPrune: false }), [{ untagged: 'a:latest' }]);
    images.setUsers(async () => [{ containerId: 'f'.repeat(64), isRunning: true }]);
    await assert.rejects(images.remove('other/b:1', { force: false, noPrune: false }), {
      kind: 'conflict',
      message: `conflict: unable to remove repository reference "other/b:1" (must force) - container ffffffffffff is using its referenced image ${short}`,
    });
    await assert.rejects(images.remove(short, { force: true, noPrune: false }), {
      kind: 'conflict',
      message: `conflict: unable to delete ${short} (cannot be forced) - image is being used by running container ffffffffffff`,
    });
    images.setUsers(async () => []);
    const layer = image.config.rootfs.diff_ids[0];
    assert.deepEqual(await images.remove(short, { force: false, noPrune: false }), [
      { untagged: 'other/b:1' },
      { deleted: image.id },
      { deleted: layer },
    ]);
    await assert.rejects(images.get('a'), { kind: 'notFound', message: 'No such image: a:latest' });
  }));

test('a base that is removed between the commit of a step and its image takes no layer away', () =>
  room(async ({ directory, images, snapshots }) => {
    const base = await images.import(rootfs(directory), { reference: 'base' });
    const below = base.config.rootfs.diff_ids;
    await snapshots.prepare('build-1', below);
    const { diffId } = await snapshots.commit('build-1', { consume: true });
    await images.remove('base', { force: true, noPrune: false });
    const config = { ...base.config, rootfs: { type: 'layers' as const, diff_ids: [...below, diffId] } };
    const image = await images.create(config, { names: ['step'] });
    await archiveOf(images, 'step');
    assert.equal(image.bytes, base.bytes);
    await images.remove('step', { force: false, noPrune: false });
    assert.deepEqual(readdirSync(`${directory}/data/overlay2`), ['empty']);
    await assert.rejects(images.create(config), { kind: 'notFound', message: /layer sha256:\w+ is missing/ });
  }));

test('opening again sweeps what nothing names', () =>
  room(async (first) => {
    const image = await first.images.import(rootfs(first.directory), { reference: 'a' });
    const data = `${first.directory}/data`;
    mkdirSync(`${data}/overlay2/${'a'.repeat(64)}/diff`, { recursive: true });
    mkdirSync(`${data}/overlay2/c9-rw`);
    mkdirSync(`${data}/tmp/half`);
    await first.snapshots.prepare('kept', image.config.rootfs.diff_ids);
    await first.snapshots.add(image.config.rootfs.diff_ids, rootfs(first.directory));
    const again = await first.reopen();
    assert.deepEqual(readdirSync(`${data}/overlay2`).sort(), [image.config.rootfs.diff_ids[0]?.slice(7), 'empty', 'kept-rw'].sort());
    assert.deepEqual(readdirSync(`${data}/tmp`), []);
    assert.equal(readdirSync(`${data}/l`).length, 2);
    assert.equal((await again.images.list()).length, 1);
    await again.snapshots.remove('kept');
  }));

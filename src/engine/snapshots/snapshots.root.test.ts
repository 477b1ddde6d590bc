import assert from 'node:assert/strict';
import { chmodSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { digestOf, type Digest } from '../../base/digest.ts';
import { silentLog } from '../../base/log.ts';
import { Root } from '../../kernel/files.ts';
import { linuxMounts } from '../../kernel/mounts.linux.ts';
import { memoryStore } from '../../store/memory.ts';
import { encodeEntry, endOfArchive, entryOf, padding } from '../archive/write-tar.ts';
import { chainIdOf, chainIdsOf } from './layers.ts';
import { existsInLayers } from './lower.ts';
import { OverlaySnapshots } from './overlay-snapshots.ts';

async function room(run: (snapshots: OverlaySnapshots, directory: string) => Promise<void>): Promise<void> {
  const directory = mkdtempSync(`${tmpdir()}/davit-snap-`);
  try {
    // As deep as the real place: its paths share one page with all the layers' names.
    const dataRoot = `${directory}/lib/engine`;
    await run(await OverlaySnapshots.open({ dataRoot, store: memoryStore(), log: silentLog }), directory);
  } finally {
    for (const point of linuxMounts.list()) if (point.target.startsWith(directory)) linuxMounts.unmount(point.target);
    rmSync(directory, { recursive: true, force: true });
  }
}

function layer(files: Readonly<Record<string, string>>): Readable {
  const blocks = Object.entries(files).flatMap(([name, data]) => [
    encodeEntry(entryOf({ name, size: data.length })),
    Buffer.from(data),
    padding(data.length),
  ]);
  return Readable.from([Buffer.concat([...blocks, endOfArchive()])]);
}

async function stack(snapshots: OverlaySnapshots, ...layers: readonly Readonly<Record<string, string>>[]): Promise<readonly Digest[]> {
  const diffIds: Digest[] = [];
  for (const files of layers) diffIds.push((await snapshots.add(diffIds, layer(files))).diffId);
  return diffIds;
}

function mounted<T>(snapshots: OverlaySnapshots, key: string, directory: string, look: (root: string) => T): T {
  const target = `${directory}/m`;
  mkdirSync(target, { recursive: true });
  linuxMounts.mount(snapshots.mount(key, target));
  try {
    return look(target);
  } finally {
    linuxMounts.unmount(target);
  }
}

test('chain IDs, as the image spec has them', () => {
  const [a, b] = [digestOf('a'), digestOf('b')];
  assert.equal(chainIdOf([]), undefined);
  assert.deepEqual(chainIdsOf([a, b]), [a, digestOf(`${a} ${b}`)]);
});

test('120 layers fit into one mount', () =>
  room(async (snapshots, directory) => {
    const layers = await stack(
      snapshots,
      ...Array.from({ length: 120 }, (_, index) => ({ [`f${index}`]: String(index), same: String(index) })),
    );
    await snapshots.prepare('many', layers);
    mounted(snapshots, 'many', directory, (root) => {
      assert.equal(readdirSync(root).length, 121);
      assert.equal(readFileSync(`${root}/same`, 'utf8'), '119');
    });
  }));

test('a stack without layers is writable too', () =>
  room(async (snapshots, directory) => {
    await snapshots.prepare('bare', []);
    mounted(snapshots, 'bare', directory, (root) => writeFileSync(`${root}/x`, '12345'));
    assert.deepEqual(await snapshots.usage('bare'), { bytes: 5, inodes: 1 });
    assert.deepEqual(await snapshots.changes('bare'), [{ path: '/x', kind: 'added' }]);
  }));

test('a committed layer gives the tar of its diff ID; the snapshot goes on', () =>
  room(async (snapshots, directory) => {
    const base = await stack(snapshots, { a: 'a', b: 'b' });
    await snapshots.prepare('c', base);
    mounted(snapshots, 'c', directory, (root) => {
      rmSync(`${root}/a`);
      writeFileSync(`${root}/b`, 'changed');
    });
    const { diffId, bytes } = await snapshots.commit('c');
    assert.equal(bytes, 7);
    const chain = chainIdOf([...base, diffId]) ?? diffId;
    assert.equal(digestOf(await buffer(snapshots.tar(chain))), diffId);
    assert.equal(digestOf(await buffer(snapshots.tar(base[0] ?? diffId))), base[0]);
    mounted(snapshots, 'c', directory, (root) => assert.deepEqual(readdirSync(root), ['b']));
    assert.deepEqual(await snapshots.commit('c', { consume: true }), {
      diffId,
      bytes,
      tarBytes: (await buffer(snapshots.tar(chain))).length,
    });
    assert.deepEqual(snapshots.keys(), []);
    await snapshots.prepare('d', [...base, diffId]);
    mounted(snapshots, 'd', directory, (root) => assert.deepEqual(readdirSync(root), ['b']));
    assert.equal(await snapshots.layerBytes([...base, diffId]), 9);
  }));

const places = { etc: 'directory', 'etc/hosts': 'file', 'etc/passwd': 'file', proc: 'directory', 'var/run': { link: 'nowhere' } } as const;

test('a container adds the same few files whatever its image; what it reads stays below, what it writes comes up', () =>
  room(async (snapshots, directory) => {
    const files = Object.fromEntries(Array.from({ length: 300 }, (_, index) => [`usr/f${index}`, 'x'.repeat(100)]));
    const layers = await stack(snapshots, { ...files, 'etc/passwd': 'root', 'var/x': '1' });
    const lower = `${snapshots.directories(layers)[0]}`;
    const before = tree(lower);
    const used = Array.from({ length: 20 }, (_, index) => `c${index}`);
    for (const key of used) {
      await snapshots.prepare(key, layers, places);
      mounted(snapshots, key, directory, (root) => {
        for (const name of readdirSync(`${root}/usr`)) readFileSync(`${root}/usr/${name}`);
        assert.deepEqual(readdirSync(`${root}/etc`).sort(), ['hosts', 'passwd']);
        assert.equal(readlinkSync(`${root}/var/run`), 'nowhere');
      });
      assert.deepEqual(await snapshots.usage(key), { bytes: 0, inodes: 0 });
      assert.deepEqual(await snapshots.changes(key), []);
    }
    const own = used.map((key) => tree(`${directory}/lib/engine/overlay2/${key}-rw`).length);
    assert.deepEqual(new Set(own), new Set([9]));
    mounted(snapshots, 'c0', directory, (root) => {
      writeFileSync(`${root}/usr/f7`, 'y');
      chmodSync(`${root}/etc/hosts`, 0o600);
    });
    assert.deepEqual(await snapshots.usage('c0'), { bytes: 1, inodes: 4 });
    assert.deepEqual(await snapshots.changes('c0'), [
      { path: '/etc', kind: 'modified' },
      { path: '/etc/hosts', kind: 'modified' },
      { path: '/usr', kind: 'modified' },
      { path: '/usr/f7', kind: 'modified' },
    ]);
    mounted(snapshots, 'c1', directory, (root) => assert.equal(readFileSync(`${root}/usr/f7`, 'utf8'), 'x'.repeat(100)));
    await snapshots.remove('c0');
    assert.deepEqual(tree(lower), before, 'the layer is as it was: names, inodes, times');
    mounted(snapshots, 'c1', directory, (root) => assert.equal(readdirSync(`${root}/usr`).length, 300));
  }));

/** Everything below, with what changes when somebody writes. */
function tree(directory: string): readonly string[] {
  return (readdirSync(directory, { recursive: true }) as string[]).sort().map((name) => {
    const { ino, mtimeMs, ctimeMs, size } = lstatSync(`${directory}/${name}`);
    return [name, ino, mtimeMs, ctimeMs, size].join(' ');
  });
}

test('places are left to the runtime where the image has no directory for them, and have what is around them as it is', () =>
  room(async (snapshots, directory) => {
    const link = entryOf({ name: 'etc', type: 'symlink', linkName: 'usr/etc' });
    const proc = entryOf({ name: 'var/', type: 'directory', mode: 0o1750, uid: 5, gid: 6, mtimeNs: 1_000_000_000_000n });
    const tar = Readable.from([Buffer.concat([encodeEntry(link), encodeEntry(proc), endOfArchive()])]);
    const { diffId } = await snapshots.add([], tar);
    await snapshots.prepare('c', [diffId], places);
    mounted(snapshots, 'c', directory, (root) => {
      assert.equal(readlinkSync(`${root}/etc`), 'usr/etc');
      const { mode, uid, gid, mtimeMs } = lstatSync(`${root}/var`);
      assert.deepEqual([mode & 0o7777, uid, gid, mtimeMs], [0o1750, 5, 6, 1_000_000]);
    });
  }));

test('only what nothing needs is collected', () =>
  room(async (snapshots, directory) => {
    const layers = await stack(snapshots, { a: 'a' }, { b: 'b' }, { c: 'c' });
    assert.equal(await snapshots.collect([]), 0, 'new layers wait for their image');
    snapshots.settle(layers);
    await snapshots.prepare('user', layers.slice(0, 1));
    assert.equal(await snapshots.collect([layers.slice(0, 2)]), 1);
    assert.deepEqual(
      [1, 2, 3].map((count) => snapshots.has(layers.slice(0, count))),
      [true, true, false],
    );
    assert.equal(await snapshots.collect([]), 1);
    await snapshots.remove('user');
    await snapshots.remove('user');
    assert.equal(await snapshots.collect([]), 1);
    assert.deepEqual(readdirSync(`${directory}/lib/engine/overlay2`), ['empty']);
    assert.deepEqual(readdirSync(`${directory}/lib/engine/l`), []);
  }));

test('a new layer keeps those below it until its image names them, whatever becomes of other images of these', () =>
  room(async (snapshots) => {
    const base = await stack(snapshots, { a: 'a' }, { b: 'b' });
    await snapshots.prepare('build', base);
    writeFileSync(`${snapshots.upperOf('build')}/c`, 'c');
    const { diffId } = await snapshots.commit('build', { consume: true });
    snapshots.settle(base);
    assert.equal(await snapshots.collect([]), 0, 'the image of the base came and went');
    assert.ok(snapshots.has([...base, diffId]));
    snapshots.settle([...base, diffId]);
    assert.equal(await snapshots.collect([]), 3);
    assert.equal(snapshots.has([...base, diffId]), false);
  }));

test('errors', () =>
  room(async (snapshots) => {
    await assert.rejects(snapshots.prepare('x', [digestOf('nothing')]), { kind: 'notFound' });
    await assert.rejects(snapshots.prepare('../x', []), { kind: 'invalid' });
    await snapshots.prepare('x', []);
    await assert.rejects(snapshots.prepare('x', []), { kind: 'alreadyExists' });
    assert.throws(() => snapshots.mount('y', '/nowhere'), { kind: 'notFound' });
    await assert.rejects(snapshots.add([], layer({ a: 'a' }), digestOf('other')), { kind: 'invalid', message: /content has digest/ });
  }));

test('what lower layers show: whiteouts, opaque directories and files hide what is below', () =>
  room(async (_, directory) => {
    const roots = ['top', 'bottom'].map((name) => {
      mkdirSync(`${directory}/${name}`);
      return new Root(`${directory}/${name}`);
    });
    const [top, bottom] = roots;
    try {
      for (const path of ['gone/x', 'opaque/x', 'file/x', 'seen/x']) bottom?.makeDirectories(path);
      top?.makeNode('gone', 0o20000, 0, 0);
      top?.makeDirectories('opaque');
      top?.setMetadata('opaque', { attributes: { 'trusted.overlay.opaque': 'y' } });
      writeFileSync(`${directory}/top/file`, '');
      top?.makeDirectories('seen');
      assert.deepEqual(
        ['gone', 'gone/x', 'opaque', 'opaque/x', 'file', 'file/x', 'seen', 'seen/x', 'never'].map((path) => existsInLayers(roots, path)),
        [false, false, true, false, true, false, true, true, false],
      );
    } finally {
      for (const root of roots) root[Symbol.dispose]();
    }
  }));

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { linuxMounts as mounts } from './mounts.linux.ts';
import { mountsSuite, type MountsWorld } from './mounts.suite.ts';

function scratch(): MountsWorld {
  const folder = mkdtempSync(join(tmpdir(), 'davit-mounts-'));
  return {
    mounts,
    folder,
    [Symbol.dispose]() {
      for (const mount of mounts.list().filter((each) => each.target.startsWith(folder))) mounts.unmount(mount.target);
      rmSync(folder, { recursive: true });
    },
  };
}

mountsSuite('linux mounts', scratch);

test('a read-only bind of a tree is read-only in its submounts too, and the source stays writable', () => {
  using world = scratch();
  const [source, target] = ['source', 'target'].map((name) => join(world.folder, name)) as [string, string];
  mkdirSync(join(source, 'inner'), { recursive: true });
  mkdirSync(target);
  mounts.mount({ type: 'tmpfs', source: 'inner', target: join(source, 'inner'), options: [] });
  mounts.mount({ type: 'bind', source, target, options: ['rbind', 'ro', 'rprivate'] });
  assert.throws(() => writeFileSync(join(target, 'file'), ''), { code: 'EROFS' });
  assert.throws(() => writeFileSync(join(target, 'inner/file'), ''), { code: 'EROFS' });
  writeFileSync(join(source, 'inner/file'), '');
});

test('more overlay layers than one page of options holds', () => {
  using world = scratch();
  const names = Array.from({ length: 60 }, (_, index) => String(index).padStart(64, '0'));
  for (const name of names) mkdirSync(join(world.folder, 'layers', name), { recursive: true });
  for (const name of ['upper', 'work', 'merged']) mkdirSync(join(world.folder, name));
  writeFileSync(join(world.folder, 'layers', names[59] ?? '', 'deepest'), 'found');
  const before = process.cwd();
  const lower = names.map((name) => join(world.folder, 'layers', name)).join(':');
  assert.ok(lower.length > 4096);
  const target = join(world.folder, 'merged');
  mounts.mount({
    type: 'overlay',
    source: 'overlay',
    target,
    options: [`lowerdir=${lower}`, `upperdir=${world.folder}/upper`, `workdir=${world.folder}/work`],
  });
  assert.equal(readFileSync(join(target, 'deepest'), 'utf8'), 'found');
  assert.equal(process.cwd(), before);
});

test('taking off an overlay with thousands of new files leaves the event loop free', async () => {
  using world = scratch();
  for (const name of ['lower', 'upper', 'work', 'merged']) mkdirSync(join(world.folder, name));
  const target = join(world.folder, 'merged');
  const options = [`lowerdir=${world.folder}/lower`, `upperdir=${world.folder}/upper`, `workdir=${world.folder}/work`];
  mounts.mount({ type: 'overlay', source: 'overlay', target, options });
  for (let index = 0; index < 3000; index += 1) writeFileSync(join(target, String(index)), 'new');
  let [turns, isOff] = [0, false];
  const off = mounts.unmountWritten(target).then(() => (isOff = true));
  // A call that blocks is over after the first.
  for (; !isOff; turns += 1) await new Promise((resolve) => setImmediate(resolve));
  await off;
  assert.ok(turns > 10, `${turns} turns of the loop`);
  assert.deepEqual(
    mounts.list().filter((mount) => mount.target === target),
    [],
  );
});

test('options that no working folder makes short enough are refused with their size', () => {
  using world = scratch();
  const lower = Array.from({ length: 100 }, () => join(world.folder, 'x'.repeat(60))).join(':');
  assert.throws(() => mounts.mount({ type: 'overlay', source: 'overlay', target: world.folder, options: [`lowerdir=${lower}`] }), {
    kind: 'invalid',
    message: /its options take \d+ bytes, the kernel accepts 4095/,
  });
});

test('names with blanks come back from the mount table as they are', () => {
  using world = scratch();
  const target = join(world.folder, 'a b\tc');
  mkdirSync(target);
  mounts.mount({ type: 'tmpfs', source: 'tmpfs', target, options: [] });
  assert.ok(mounts.list().some((mount) => mount.target === target));
});

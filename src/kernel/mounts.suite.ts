import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Mounts } from './mounts.ts';

export interface MountsWorld extends Disposable {
  readonly mounts: Mounts;
  /** A folder of the test's own. */
  readonly folder: string;
}

/** What every implementation of `Mounts` keeps. */
export function mountsSuite(name: string, open: () => MountsWorld): void {
  const targetIn = (world: MountsWorld): string => {
    const target = join(world.folder, 'target');
    mkdirSync(target, { recursive: true });
    return target;
  };
  const at = (world: MountsWorld, target: string) => world.mounts.list().filter((mount) => mount.target === target);

  test(`${name}: what is mounted is listed, and gone once unmounted`, () => {
    using world = open();
    const target = targetIn(world);
    world.mounts.mount({ type: 'tmpfs', source: 'davit-test', target, options: ['ro', 'nosuid', 'size=1m'] });
    const [mount] = at(world, target);
    assert.equal(mount?.type, 'tmpfs');
    assert.equal(mount?.source, 'davit-test');
    assert.ok(mount?.options.includes('ro'));
    assert.ok(mount?.options.includes('nosuid'));
    world.mounts.unmount(target);
    assert.deepEqual(at(world, target), []);
  });

  test(`${name}: mounts on one target stack, the last comes off first`, () => {
    using world = open();
    const target = targetIn(world);
    for (const source of ['first', 'second']) world.mounts.mount({ type: 'tmpfs', source, target, options: [] });
    world.mounts.unmount(target);
    assert.deepEqual(
      at(world, target).map((mount) => mount.source),
      ['first'],
    );
    world.mounts.unmount(target);
  });

  test(`${name}: a bind mount shows the folder it came from and takes flags of its own`, () => {
    using world = open();
    const target = targetIn(world);
    const source = join(world.folder, 'source');
    mkdirSync(source);
    world.mounts.mount({ type: 'bind', source, target, options: ['rbind', 'ro', 'rprivate'] });
    const [mount] = at(world, target);
    assert.ok(mount?.root.endsWith('/source'));
    assert.ok(mount?.options.includes('ro'));
    world.mounts.unmount(target);
  });

  test(`${name}: what has been written to is unmounted beside the event loop`, async () => {
    using world = open();
    const target = targetIn(world);
    for (const source of ['first', 'second']) world.mounts.mount({ type: 'tmpfs', source, target, options: [] });
    await world.mounts.unmountWritten(target);
    assert.deepEqual(
      at(world, target).map((mount) => mount.source),
      ['first'],
    );
    await world.mounts.unmountWritten(target);
    assert.deepEqual(at(world, target), []);
    await world.mounts.unmountWritten(target);
  });

  test(`${name}: unmounting nothing succeeds`, () => {
    using world = open();
    world.mounts.unmount(targetIn(world));
    world.mounts.unmount(join(world.folder, 'no-such-folder'));
  });

  test(`${name}: an unknown file system and a propagation of nothing are refused`, () => {
    using world = open();
    const target = targetIn(world);
    assert.throws(() => world.mounts.mount({ type: 'nosuchfs', source: 'none', target, options: [] }), {
      kind: 'notFound',
      message: /nosuchfs/,
    });
    assert.throws(() => world.mounts.mount({ type: 'none', source: 'none', target, options: ['rslave'] }), { kind: 'invalid' });
    assert.deepEqual(at(world, target), []);
  });
}

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { Cgroups } from './cgroups.ts';

export interface CgroupsWorld extends Disposable {
  readonly cgroups: Cgroups;
  /** A group of the test's own, not made yet: `/davit-test-1`. */
  readonly path: string;
}

/** What every implementation of `Cgroups` keeps. */
export function cgroupsSuite(name: string, open: () => CgroupsWorld): void {
  test(`${name}: limits are in force, and new ones replace them`, () => {
    using world = open();
    const { cgroups, path } = world;
    cgroups.create(`${path}/web`, { memoryBytes: 64 << 20, pids: 50, cpuQuotaUs: 50_000, cpuPeriodUs: 100_000, cpuShares: 512 });
    assert.equal(cgroups.stats(`${path}/web`).memory?.limitBytes, 64 << 20);
    assert.equal(cgroups.stats(`${path}/web`).pids?.limit, 50);
    cgroups.create(`${path}/web`, { pids: 60 });
    assert.equal(cgroups.stats(`${path}/web`).memory?.limitBytes, 64 << 20);
    assert.equal(cgroups.stats(`${path}/web`).pids?.limit, 60);
  });

  test(`${name}: a fresh group has used nothing and holds nobody`, () => {
    using world = open();
    const { cgroups, path } = world;
    cgroups.create(path, {});
    const stats = cgroups.stats(path);
    assert.equal(stats.cpu?.throttledPeriods, 0);
    assert.equal(stats.memory?.oomKills, 0);
    assert.deepEqual(stats.pids, { current: 0, limit: undefined });
    assert.deepEqual(cgroups.processes(path), []);
  });

  test(`${name}: a group goes with its children; one that is not there is gone already`, () => {
    using world = open();
    const { cgroups, path } = world;
    cgroups.create(`${path}/a/b`, {});
    cgroups.create(`${path}/c`, {});
    cgroups.remove(path);
    assert.deepEqual(cgroups.stats(`${path}/a/b`), {});
    cgroups.remove(path);
  });

  test(`${name}: a group that was never made has no statistics and no processes`, () => {
    using world = open();
    assert.deepEqual(world.cgroups.stats(world.path), {});
    assert.deepEqual(world.cgroups.processes(world.path), []);
  });

  test(`${name}: an entry that is expected changes nothing`, async () => {
    using world = open();
    const { cgroups, path } = world;
    cgroups.create(path, {});
    const before = readFileSync('/proc/self/cgroup', 'utf8');
    cgroups.expectEntry();
    cgroups.expectEntry();
    await setTimeout(50);
    assert.equal(readFileSync('/proc/self/cgroup', 'utf8'), before);
    assert.deepEqual(cgroups.processes(path), []);
  });
}

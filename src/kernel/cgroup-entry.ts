import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MountPoint } from './mounts.ts';

/** The kernel's lock stays cheap for about as long as it took to get it (measured: 10–20 ms). */
const cheapMs = 5;

/**
 * Putting a process into a control group takes a lock whose first writer waits for an RCU grace period (8–16 ms, idle);
 * writers that follow within the next grace period do not. The runtime needs some 10 ms to get there: meanwhile this
 * process writes itself into the group that it is in already, which changes nothing and leaves the lock cheap.
 *
 *   davit    ─write 0──waits───┐
 *   runtime  ─starts─────────────────writes─► at once
 */
export class CgroupEntry {
  readonly #mounts: readonly MountPoint[];
  #isUnderWay = false;
  #lastAt = -Infinity;

  constructor(mounts: readonly MountPoint[]) {
    this.#mounts = mounts;
  }

  expect(): void {
    if (this.#isUnderWay || performance.now() - this.#lastAt < cheapMs) return;
    const file = this.#ownGroup();
    if (!file) return;
    this.#isUnderWay = true;
    void writeFile(file, '0')
      .catch(() => undefined) // It is only faster with it.
      .finally(() => {
        this.#isUnderWay = false;
        this.#lastAt = performance.now();
      });
  }

  /** Read each time: somebody may have moved this process, and it must not be moved back. */
  #ownGroup(): string | undefined {
    return ownGroupFile(readFileSync('/proc/self/cgroup', 'utf8'), this.#mounts);
  }
}

/** From the lines `11:pids:/user.slice` (v1) and `0::/user.slice` (v2): the file that lists the processes of the first group that is mounted here. */
export function ownGroupFile(selfCgroup: string, mounts: readonly MountPoint[]): string | undefined {
  for (const line of selfCgroup.split('\n')) {
    const [, id, controllers = '', path = ''] = /^(\d+):([^:]*):(.*)$/.exec(line) ?? [];
    // Outside this cgroup namespace.
    if (id === undefined || path.startsWith('/..')) continue;
    const mount = mounts.find(({ type, options }) =>
      id === '0' ? type === 'cgroup2' : type === 'cgroup' && controllers.split(',').every((name) => options.includes(name)),
    );
    if (mount?.root === '/' || (mount && path.startsWith(mount.root)))
      return join(mount.target, path.slice(mount.root === '/' ? 0 : mount.root.length), 'cgroup.procs');
  }
  return undefined;
}

import type { Kernel } from '../../kernel/kernel.ts';
import { localMount } from './local-options.ts';
import type { Volume } from './volumes.ts';

/** Volumes that are mounts themselves: there while at least one container runs with them. */
export class MountedVolumes {
  readonly #mounts: Kernel['mounts'];
  readonly #users = new Map<string, Set<string>>();

  constructor(mounts: Kernel['mounts']) {
    this.#mounts = mounts;
  }

  /** `adopt`: the container runs already, so the mount is there. */
  acquire(volume: Volume, containerId: string): void {
    const mount = localMount(volume.options, volume.mountpoint);
    if (!mount) return;
    const users = this.#users.get(volume.name) ?? new Set();
    if (users.size === 0 && !this.#isMounted(volume.mountpoint)) this.#mounts.mount(mount);
    this.#users.set(volume.name, users.add(containerId));
  }

  release(volume: Volume, containerId: string): void {
    const users = this.#users.get(volume.name);
    if (!users?.delete(containerId) || users.size > 0) return;
    this.#users.delete(volume.name);
    this.#mounts.unmount(volume.mountpoint);
  }

  /** After everything that runs was adopted: what an engine that was killed left mounted. */
  sweep(volumes: readonly Volume[]): void {
    for (const { name, mountpoint, options } of volumes) {
      if (!this.#users.has(name) && localMount(options, mountpoint)) this.#mounts.unmount(mountpoint);
    }
  }

  #isMounted(target: string): boolean {
    return this.#mounts.list().some((mount) => mount.target === target);
  }
}

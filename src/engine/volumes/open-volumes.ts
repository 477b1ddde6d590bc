import { mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { KindError } from '../../base/errors.ts';
import { newId } from '../../base/ids.ts';
import { KeyedMutex } from '../../base/keyed-mutex.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { Store } from '../../store/store.ts';
import { runJob } from '../archive/run-job.ts';
import type { Events } from '../events/events.ts';
import { checkLocalOptions } from './local-options.ts';
import { MountedVolumes } from './mounted-volumes.ts';
import type { Volume, Volumes } from './volumes.ts';

const prefix = '/volumes/';

/** Docker's mark of a volume that nobody named. */
const anonymousLabel = 'com.docker.volume.anonymous';

export interface VolumeParts {
  readonly dataRoot: string;
  readonly kernel: Kernel;
  readonly store: Store;
  readonly events: Events;
  /** Names of containers that mount the volume. */
  readonly usersOf: (name: string) => readonly string[];
}

export function openVolumes(parts: VolumeParts): Volumes {
  return new LocalVolumes(parts);
}

/** Named directories below `<dataRoot>/volumes`; the store is the truth, a directory without a record is garbage. */
class LocalVolumes implements Volumes {
  readonly #parts: VolumeParts;
  readonly #mutex = new KeyedMutex();
  readonly #known: Map<string, Volume>;
  readonly #mounted: MountedVolumes;

  constructor(parts: VolumeParts) {
    this.#parts = parts;
    this.#mounted = new MountedVolumes(parts.kernel.mounts);
    this.#known = new Map(
      parts.store
        .range(prefix)
        .entries.map(({ value }) => decode(value))
        .map((volume) => [volume.name, volume]),
    );
  }

  async bytes(name: string): Promise<number> {
    const volume = await this.get(name);
    if (Object.keys(volume.options).length > 0) return -1;
    return (await runJob({ do: 'usage', root: volume.mountpoint })).bytes;
  }

  create({ name: wanted, driver = 'local', labels: given = {}, options = {} }: Parameters<Volumes['create']>[0]): Promise<Volume> {
    const name = wanted ?? newId();
    const labels = wanted === undefined ? { ...given, [anonymousLabel]: '' } : given;
    return this.#mutex.run(name, async () => {
      const existing = this.#known.get(name);
      if (existing) return existing;
      checkWish(name, driver, options);
      const volume: Volume = {
        name,
        driver: 'local',
        mountpoint: join(this.#folder(name), '_data'),
        labels,
        options,
        createdAt: new Date(),
        isAnonymous: wanted === undefined,
      };
      mkdirSync(volume.mountpoint, { recursive: true, mode: 0o755 });
      await this.#parts.store.write([{ put: prefix + name, value: Buffer.from(JSON.stringify(volume)) }]);
      this.#known.set(name, volume);
      this.#tell('create', name);
      return volume;
    });
  }

  async get(name: string): Promise<Volume> {
    const volume = this.#known.get(name);
    if (!volume) throw new KindError('notFound', `get ${name}: no such volume`);
    return volume;
  }

  async list(): Promise<readonly Volume[]> {
    return [...this.#known.values()];
  }

  remove(name: string, { force }: { readonly force: boolean }): Promise<void> {
    return this.#mutex.run(name, async () => {
      if (force && !this.#known.has(name)) return;
      const volume = await this.get(name);
      const users = this.#parts.usersOf(name);
      if (users.length > 0) throw new KindError('conflict', `remove ${name}: volume is in use - [${users.join(', ')}]`);
      await this.#destroy(volume);
    });
  }

  mount(name: string, containerId: string): void {
    const volume = this.#known.get(name);
    if (!volume) throw new KindError('notFound', `mount ${name}: no such volume`);
    this.#mounted.acquire(volume, containerId);
  }

  unmount(name: string, containerId: string): void {
    const volume = this.#known.get(name);
    if (volume) this.#mounted.release(volume, containerId);
  }

  sweep(): void {
    this.#mounted.sweep([...this.#known.values()]);
  }

  async prune({
    all,
    matches = () => true,
  }: Parameters<Volumes['prune']>[0]): Promise<{ readonly names: readonly string[]; readonly bytes: number }> {
    const unused = [...this.#known.values()].filter(
      (volume) => (all || volume.isAnonymous) && matches(volume) && this.#parts.usersOf(volume.name).length === 0,
    );
    let bytes = 0;
    for (const volume of unused) {
      bytes += Math.max(0, await this.bytes(volume.name));
      await this.#destroy(volume);
    }
    return { names: unused.map(({ name }) => name), bytes };
  }

  async #destroy({ name, mountpoint }: Volume): Promise<void> {
    // Never delete what is mounted there.
    this.#parts.kernel.mounts.unmount(mountpoint);
    await this.#parts.store.write([{ delete: prefix + name }]);
    this.#known.delete(name);
    await rm(this.#folder(name), { recursive: true, force: true });
    this.#tell('destroy', name);
  }

  #folder(name: string): string {
    return join(this.#parts.dataRoot, 'volumes', name);
  }

  #tell(action: string, name: string): void {
    this.#parts.events.publish({ type: 'volume', action, id: name, attributes: { driver: 'local' } });
  }
}

function checkWish(name: string, driver: string, options: Readonly<Record<string, string>>): void {
  if (driver !== 'local')
    throw new KindError('notFound', `create ${name}: error looking up volume plugin ${driver}: plugin "${driver}" not found`);
  checkLocalOptions(name, options);
  if (/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name)) return;
  const allowed = 'only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path';
  throw new KindError('invalid', `create ${name}: "${name}" includes invalid characters for a local volume name, ${allowed}`);
}

function decode(value: Uint8Array): Volume {
  const volume = JSON.parse(Buffer.from(value).toString()) as Volume & { readonly createdAt: string };
  return { ...volume, createdAt: new Date(volume.createdAt) };
}

import { mkdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { KindError } from '../../base/errors.ts';
import { newId } from '../../base/ids.ts';
import { KeyedMutex } from '../../base/keyed-mutex.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { Store } from '../../store/store.ts';
import type { Events } from '../events/events.ts';
import type { Volume, Volumes } from './volumes.ts';

const prefix = '/volumes/';

export interface VolumeParts {
  readonly dataRoot: string;
  readonly kernel: Kernel;
  readonly store: Store;
  readonly events: Events;
  /** Names of containers that mount the volume. */
  readonly usersOf: (name: string) => readonly string[];
}

/** Named directories below `<dataRoot>/volumes`; the store is the truth, a directory without a record is garbage. */
export function openVolumes({ dataRoot, kernel, store, events, usersOf }: VolumeParts): Volumes {
  const mutex = new KeyedMutex();
  const known = new Map(
    store
      .range(prefix)
      .entries.map(({ value }) => decode(value))
      .map((volume) => [volume.name, volume]),
  );
  const folder = (name: string): string => join(dataRoot, 'volumes', name);

  function find(name: string): Volume {
    const volume = known.get(name);
    if (!volume) throw new KindError('notFound', `get ${name}: no such volume`);
    return volume;
  }

  async function destroy(volume: Volume): Promise<void> {
    await store.write([{ delete: prefix + volume.name }]);
    known.delete(volume.name);
    await rm(folder(volume.name), { recursive: true, force: true });
    events.publish({ type: 'volume', action: 'destroy', id: volume.name, attributes: { driver: 'local' } });
  }

  return {
    create({ name = newId(), driver = 'local', labels = {}, options = {} }) {
      return mutex.run(name, async () => {
        const existing = known.get(name);
        if (existing) return existing;
        if (driver !== 'local')
          throw new KindError('notFound', `create ${name}: error looking up volume plugin ${driver}: plugin "${driver}" not found`);
        if (Object.keys(options).length > 0)
          throw new KindError(
            'notImplemented',
            `create ${name}: options of the local volume driver (${Object.keys(options).join(', ')}) are not implemented yet`,
          );
        if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name)) {
          throw new KindError(
            'invalid',
            `create ${name}: "${name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
          );
        }
        const volume: Volume = {
          name,
          driver: 'local',
          mountpoint: join(folder(name), '_data'),
          labels,
          options,
          createdAt: new Date(),
          isAnonymous: /^[0-9a-f]{64}$/.test(name),
        };
        mkdirSync(volume.mountpoint, { recursive: true, mode: 0o755 });
        await store.write([{ put: prefix + name, value: Buffer.from(JSON.stringify(volume)) }]);
        known.set(name, volume);
        events.publish({ type: 'volume', action: 'create', id: name, attributes: { driver: 'local' } });
        return volume;
      });
    },
    get: async (name) => find(name),
    list: async () => [...known.values()],
    remove(name, { force }) {
      return mutex.run(name, async () => {
        if (force && !known.has(name)) return;
        const users = usersOf(find(name).name);
        if (users.length > 0) throw new KindError('conflict', `remove ${name}: volume is in use - [${users.join(', ')}]`);
        await destroy(find(name));
      });
    },
    async prune({ all }) {
      const unused = [...known.values()].filter((volume) => (all || volume.isAnonymous) && usersOf(volume.name).length === 0);
      let bytes = 0;
      for (const volume of unused) {
        bytes += await sizeOf(kernel, volume.mountpoint);
        await destroy(volume);
      }
      return { names: unused.map(({ name }) => name), bytes };
    },
  };
}

async function sizeOf(kernel: Kernel, path: string): Promise<number> {
  const { stdout } = await kernel.processes.run(['du', '-sb', path]);
  return Number.parseInt(stdout, 10) || 0;
}

function decode(value: Uint8Array): Volume {
  const volume = JSON.parse(Buffer.from(value).toString()) as Volume & { readonly createdAt: string };
  return { ...volume, createdAt: new Date(volume.createdAt) };
}

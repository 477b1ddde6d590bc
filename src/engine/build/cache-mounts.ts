import { existsSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { digestOf, hexOf } from '../../base/digest.ts';
import { KeyedMutex } from '../../base/keyed-mutex.ts';
import type { Store } from '../../store/store.ts';
import { runJob } from '../archive/run-job.ts';
import { Records } from '../images/records.ts';
import type { CacheUsage } from './cache-usage.ts';
import type { Sharing } from './mount-spec.ts';

/** What the store keeps of a folder of `RUN --mount=type=cache`, under /engine/build-mounts/<name>. */
interface CacheFolder {
  /** Directory name: hex. */
  readonly name: string;
  /** The mount's id. */
  readonly id: string;
  readonly createdAt: string;
  readonly lastUsedAt: string;
  readonly usageCount: number;
}

/** A cache folder that a step has; disposing gives it back. */
export interface TakenCache extends AsyncDisposable {
  readonly directory: string;
  /** It was made just now. */
  readonly isNew: boolean;
}

/**
 * Folders that outlive the steps they are mounted in, at <data root>/build-cache/<name>.
 * `shared`: all at once; `locked`: one step after the other; `private`: one that nobody else has now, made where there is none.
 * The store's record makes a folder exist: those without one are swept at open.
 */
export class CacheMounts {
  readonly #root: string;
  readonly #records: Records<CacheFolder>;
  readonly #locks = new KeyedMutex();
  readonly #users = new Map<string, number>();

  private constructor(root: string, store: Store) {
    this.#root = root;
    this.#records = new Records(store, '/engine/build-mounts/');
  }

  static open(dataRoot: string, store: Store): CacheMounts {
    const mounts = new CacheMounts(`${dataRoot}/build-cache`, store);
    const known = new Set(mounts.#records.list().map(({ name }) => name));
    for (const name of existsSync(mounts.#root) ? readdirSync(mounts.#root) : [])
      if (!known.has(name)) rmSync(`${mounts.#root}/${name}`, { recursive: true, force: true });
    return mounts;
  }

  async take(id: string, sharing: Sharing): Promise<TakenCache> {
    const name = sharing === 'private' ? this.#free(id) : nameOf(id, 0);
    this.#users.set(name, (this.#users.get(name) ?? 0) + 1);
    const unlock = sharing === 'locked' ? await this.#lock(name) : undefined;
    const giveBack = async (): Promise<void> => {
      unlock?.();
      const left = (this.#users.get(name) ?? 1) - 1;
      if (left > 0) this.#users.set(name, left);
      else this.#users.delete(name);
    };
    try {
      const isNew = await this.#touch(name, id);
      return { directory: `${this.#root}/${name}`, isNew, [Symbol.asyncDispose]: giveBack };
    } catch (error) {
      await giveBack();
      throw error;
    }
  }

  async usage(): Promise<readonly CacheUsage[]> {
    return Promise.all(
      this.#records.list().map(async ({ name, id, createdAt, lastUsedAt, usageCount }): Promise<CacheUsage> => {
        const directory = `${this.#root}/${name}`;
        const { bytes } = existsSync(directory) ? await runJob({ do: 'usage', root: directory }) : { bytes: 0 };
        return {
          id: name,
          parents: [],
          type: 'exec.cachemount',
          description: `cache mount ${id}`,
          inUse: this.#users.has(name),
          shared: false,
          bytes,
          createdAt: new Date(createdAt),
          lastUsedAt: new Date(lastUsedAt),
          usageCount,
        };
      }),
    );
  }

  async remove(names: readonly string[]): Promise<void> {
    const idle = names.filter((name) => !this.#users.has(name) && this.#records.get(name));
    await this.#records.deleteAll(idle);
    for (const name of idle) await rm(`${this.#root}/${name}`, { recursive: true, force: true });
  }

  /** Record first, then the folder. Answers whether the folder is new. */
  async #touch(name: string, id: string): Promise<boolean> {
    const now = new Date().toISOString();
    const known = this.#records.get(name);
    await this.#records.put(name, {
      name,
      id,
      createdAt: known?.createdAt ?? now,
      lastUsedAt: now,
      usageCount: (known?.usageCount ?? 0) + 1,
    });
    if (existsSync(`${this.#root}/${name}`)) return false;
    mkdirSync(`${this.#root}/${name}`, { recursive: true, mode: 0o755 });
    return true;
  }

  #free(id: string): string {
    for (let number = 0; ; number += 1) {
      const name = nameOf(id, number);
      if (!this.#users.has(name)) return name;
    }
  }

  async #lock(name: string): Promise<() => void> {
    const [taken, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    void this.#locks.run(name, async () => {
      taken.resolve();
      await released.promise;
    });
    await taken.promise;
    return released.resolve;
  }
}

function nameOf(id: string, number: number): string {
  return hexOf(digestOf(`${id}\0${number}`)).slice(0, 25);
}

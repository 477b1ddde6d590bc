import { watch, type FSWatcher } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { nodes, pods } from '../../../api/kubernetes/kinds.ts';
import type { Pod } from '../../../api/kubernetes/types.generated.ts';
import { isKind, messageOf } from '../../../base/errors.ts';
import type { Log } from '../../../base/log.ts';
import type { Client } from '../../client/client.ts';
import { keyOf } from '../../client/object-cache.ts';
import { isMirror, mirrorOf, staticPodOf } from './manifest.ts';

export interface StaticPodsOptions {
  /** Manifests, one pod a file; undefined: there are none. */
  readonly folder: string | undefined;
  readonly nodeName: string;
  readonly client: Client;
  /** What the API server shows under a key. */
  readonly shown: (key: string) => Pod | undefined;
  readonly changed: (key: string, cause: string) => void;
  readonly log: Log;
}

/** As upstream; changes are told by the kernel as well. */
const rescanMs = 20_000;

/** Pods that come from files of this node instead of the API server, which is shown a mirror of each. */
export class StaticPods implements Disposable {
  readonly #options: StaticPodsOptions;
  #pods: ReadonlyMap<string, Pod> = new Map();
  #watcher: FSWatcher | undefined;
  #timer: NodeJS.Timeout | undefined;
  #scanning = Promise.resolve();

  constructor(options: StaticPodsOptions) {
    this.#options = options;
  }

  /** Reads the folder once and follows it from then on. */
  async start(): Promise<void> {
    const { folder } = this.#options;
    if (folder === undefined) return;
    await this.#rescan(folder);
    this.#timer = setInterval(() => void this.#rescan(folder), rescanMs);
    try {
      this.#watcher = watch(folder, () => void this.#rescan(folder));
      this.#watcher.on('error', () => undefined);
    } catch (error) {
      this.#options.log.warn({ folder, error: messageOf(error) }, 'manifests are only looked for every 20 s');
    }
  }

  keys(): readonly string[] {
    return [...this.#pods.keys()];
  }

  /** The pod to run under a key: of a file, or as the API server has it; a mirror alone is nothing to run. */
  pod(key: string): Pod | undefined {
    const shown = this.#options.shown(key);
    const own = this.#pods.get(key);
    if (!own) return isMirror(shown) ? undefined : shown;
    const { resourceVersion } = shown?.metadata ?? {};
    return {
      ...own,
      metadata: { ...own.metadata, ...(resourceVersion && { resourceVersion }) },
      ...(shown?.status && { status: shown.status }),
    };
  }

  /** What the API server knows the pod by; undefined: it does not (yet). */
  shownUid(pod: Pod): string | undefined {
    const key = keyOf(pod);
    return this.#pods.has(key) ? this.#options.shown(key)?.metadata.uid : pod.metadata.uid;
  }

  /** Makes the mirror, makes it anew when the file or somebody else has changed, and takes away one whose file is gone. */
  async mirror(key: string): Promise<void> {
    const { client, nodeName, log } = this.#options;
    const [own, shown] = [this.#pods.get(key), this.#options.shown(key)];
    if (!own && !isMirror(shown)) return;
    const wanted = own && mirrorOf(own, { name: nodeName, uid: '' });
    const isRight = shown && wanted && !shown.metadata.deletionTimestamp && hashOf(shown) === hashOf(wanted);
    if (isRight) return;
    try {
      if (shown) await this.#remove(shown);
      if (!own) return;
      const { metadata } = await client.get(nodes, { name: nodeName });
      await client.create(pods, mirrorOf(own, { name: nodeName, uid: metadata.uid ?? '' }));
    } catch (error) {
      if (!isKind(error, 'alreadyExists')) log.warn({ pod: key, error: messageOf(error) }, 'mirror pod not written');
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.#watcher?.close();
  }

  async #remove({ metadata }: Pod): Promise<void> {
    const { name = '', namespace = '', uid = '' } = metadata;
    try {
      await this.#options.client.delete(pods, { namespace, name }, { gracePeriodSeconds: 0, uid });
    } catch (error) {
      if (!isKind(error, 'notFound') && !isKind(error, 'conflict')) throw error;
    }
  }

  #rescan(folder: string): Promise<void> {
    this.#scanning = this.#scanning.then(() => this.#scan(folder));
    return this.#scanning;
  }

  async #scan(folder: string): Promise<void> {
    const before = this.#pods;
    const found = new Map<string, Pod>();
    for (const name of await readdir(folder).catch(() => [])) {
      if (name.startsWith('.')) continue;
      const file = join(folder, name);
      try {
        const pod = staticPodOf(await readFile(file, 'utf8'), file, this.#options.nodeName);
        found.set(keyOf(pod), pod);
      } catch (error) {
        this.#options.log.warn({ file, error: messageOf(error) }, 'manifest passed over');
      }
    }
    this.#pods = found;
    for (const key of new Set([...before.keys(), ...found.keys()])) {
      if (before.get(key)?.metadata.uid !== found.get(key)?.metadata.uid) this.#options.changed(key, 'manifest');
    }
  }
}

function hashOf({ metadata }: Pod): string | undefined {
  return metadata.annotations?.['kubernetes.io/config.mirror'];
}

import type { Pod, Service } from '../../../api/kubernetes/types.generated.ts';
import { abortable } from '../../../base/abort.ts';
import { isKind } from '../../../base/errors.ts';
import type { Client } from '../../client/client.ts';
import { fetchObjects, type PodObjects } from './objects.ts';
import type { PodTokens } from './tokens.ts';

/** What a pod's containers and volumes are made from. */
export interface Sources extends PodObjects {
  /** By audience. */
  readonly tokens: ReadonlyMap<string, string>;
}

/** A server that says nothing for this long is taken as silent. */
const silentMs = 2000;

/** Reads what a pod refers to, as the API server has it now; while the server is silent, as it was last. */
export class PodSources {
  readonly #client: Client;
  readonly #tokens: PodTokens;
  readonly #last = new Map<string, Omit<Sources, 'services'>>();
  /** By namespace: all pods of one are told the same. */
  readonly #services = new Map<string, readonly Service[]>();

  constructor(client: Client, tokens: PodTokens) {
    this.#client = client;
    this.#tokens = tokens;
  }

  async of(pod: Pod): Promise<Sources> {
    const { uid = '', namespace = '' } = pod.metadata;
    const last = this.#last.get(uid);
    if (!last) return this.#read(pod);
    try {
      return await abortable(this.#read(pod), AbortSignal.timeout(silentMs));
    } catch (error) {
      if (!isKind(error, 'unavailable') && !isKind(error, 'canceled')) throw error;
      return { ...last, services: this.#services.get(namespace) ?? [] };
    }
  }

  forget(uid: string): void {
    this.#last.delete(uid);
    this.#tokens.forget(uid);
  }

  async #read(pod: Pod): Promise<Sources> {
    const { uid = '', namespace = '' } = pod.metadata;
    const tokens = await this.#tokens.of(pod);
    const { services, ...objects } = await fetchObjects(this.#client, pod);
    this.#last.set(uid, { ...objects, tokens });
    this.#services.set(namespace, services);
    return { ...objects, services, tokens };
  }
}

import { isDeepStrictEqual } from 'node:util';
import { pods } from '../../../api/kubernetes/kinds.ts';
import type { Pod, PodStatus } from '../../../api/kubernetes/types.generated.ts';
import { isKind } from '../../../base/errors.ts';
import type { Client } from '../../client/client.ts';

const ownConditions = new Set(['PodReadyToStartContainers', 'Initialized', 'Ready', 'ContainersReady', 'PodScheduled']);

/** Writes a pod's status when it differs from the last one, so that an unchanged pod causes no traffic. */
export class StatusWriter {
  readonly #client: Client;
  readonly #written = new Map<string, PodStatus>();

  constructor(client: Client) {
    this.#client = client;
  }

  /** The pod with the newest status that is known: what was written may be ahead of what was watched. */
  newest(pod: Pod): Pod {
    const own = this.#written.get(pod.metadata.uid ?? '');
    if (!own) return pod;
    const foreign = (pod.status?.conditions ?? []).filter((condition) => !ownConditions.has(condition.type));
    return {
      ...pod,
      status: { ...own, conditions: [...(own.conditions ?? []).filter((condition) => ownConditions.has(condition.type)), ...foreign] },
    };
  }

  /** False when there was nothing to write, or nobody to write it for. */
  async write(pod: Pod, status: PodStatus): Promise<boolean> {
    const uid = pod.metadata.uid ?? '';
    const before = this.newest(pod).status ?? {};
    const next: PodStatus = JSON.parse(JSON.stringify(status));
    if (isDeepStrictEqual(essence(before), essence(next))) return false;
    const gone = Object.fromEntries(
      Object.keys(before)
        .filter((key) => !(key in next) && ['reason', 'message', 'podIP', 'podIPs'].includes(key))
        .map((key) => [key, null]),
    );
    try {
      const { name = '', namespace = '' } = pod.metadata;
      await this.#client.patch(
        pods,
        { namespace, name },
        { type: 'merge', body: { metadata: { uid }, status: { ...gone, ...next } } },
        'status',
      );
    } catch (error) {
      if (isKind(error, 'notFound') || isKind(error, 'conflict')) return false;
      throw error;
    }
    this.#written.set(uid, next);
    return true;
  }

  forget(uid: string): void {
    this.#written.delete(uid);
  }
}

/** Without what the API server adds by itself. */
function essence(status: PodStatus): unknown {
  const bare = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(bare);
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value)
        .filter(([, each]) => each !== null && each !== undefined && !isEmptyObject(each))
        .map(([key, each]) => [key, bare(each)]),
    );
  };
  return bare(status);
}

function isEmptyObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;
}

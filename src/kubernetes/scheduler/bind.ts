import { persistentVolumeClaims, pods } from '../../api/kubernetes/kinds.ts';
import type { PersistentVolumeClaim, Pod, PodCondition } from '../../api/kubernetes/types.generated.ts';
import { isKind, KindError } from '../../base/errors.ts';
import { objectKey } from '../client/acts.ts';
import type { Client } from '../client/client.ts';
import type { Informer } from '../client/informer.ts';
import type { PodInfo } from './cluster/pod-info.ts';
import { isBound } from './plugins/volume-binding.ts';

/** Tells the volume controller where a claim's first pod will run. */
export const selectedNode = 'volume.kubernetes.io/selected-node';

/** Has the claims bound that waited for this pod's node; rejects when that takes longer than `limitMs`. */
export async function bindClaims(
  client: Client,
  claims: Informer<PersistentVolumeClaim>,
  info: PodInfo,
  nodeName: string,
  signal: AbortSignal,
): Promise<void> {
  const keys = info.claims.map((name) => `${info.namespace}/${name}`);
  const isDone = (): boolean => keys.every((key) => isBound(claims.get(key) ?? ({} as PersistentVolumeClaim)));
  if (isDone()) return;
  for (const key of keys) {
    const claim = claims.get(key);
    if (!claim || isBound(claim) || claim.metadata.annotations?.[selectedNode] === nodeName) continue;
    const body = { metadata: { annotations: { [selectedNode]: nodeName } } };
    await client.patch(persistentVolumeClaims, objectKey(key), { type: 'merge', body });
  }
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const late = AbortSignal.any([signal, AbortSignal.timeout(claimLimitMs)]);
  late.addEventListener('abort', () => reject(new KindError('unavailable', `binding volumes: timed out waiting for ${keys.join(', ')}`)));
  claims.onChange(() => {
    if (isDone()) resolve();
  });
  if (isDone()) resolve();
  await promise;
}

const claimLimitMs = 60_000;

/** Says that, and why, a pod has no node; `nominated`: where it will fit when its victims are gone. */
export async function writeRefusal(client: Client, pod: Pod, message: string, nominated: string | undefined): Promise<void> {
  const known = pod.status?.conditions?.find((one) => one.type === 'PodScheduled');
  const isSame = known?.status === 'False' && known.reason === 'Unschedulable' && known.message === message;
  if (isSame && (pod.status?.nominatedNodeName ?? undefined) === nominated) return;
  const lastTransitionTime = known?.status === 'False' ? known.lastTransitionTime : timestamp();
  const condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message, lastTransitionTime };
  await writeConditions(client, pod, condition, { nominatedNodeName: nominated ?? null });
}

/** Says why a pod is about to be deleted. */
export async function writeDisruption(client: Client, victim: Pod): Promise<void> {
  const message = 'default-scheduler: preempting to accommodate a higher priority pod';
  const condition = { type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler', message, lastTransitionTime: timestamp() };
  await writeConditions(client, victim, condition, {});
}

async function writeConditions(client: Client, pod: Pod, condition: PodCondition, more: object): Promise<void> {
  const { namespace, name = '', uid } = pod.metadata;
  const others = (pod.status?.conditions ?? []).filter((one) => one.type !== condition.type);
  const body = { metadata: { uid }, status: { conditions: [...others, condition], ...more } };
  await client.patch<Pod>(pods, { namespace, name }, { type: 'merge', body }, 'status').catch((error: unknown) => {
    if (!isKind(error, 'notFound') && !isKind(error, 'conflict')) throw error;
  });
}

function timestamp(): string {
  return new Date().toISOString().replace(/\.\d+/, '');
}

import { nodes, persistentVolumeClaims, pods, type KubernetesObject } from '../../api/kubernetes/kinds.ts';
import type { Node, PersistentVolumeClaim, Pod } from '../../api/kubernetes/types.generated.ts';
import { isKind } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import { objectKey } from '../client/acts.ts';
import type { Client } from '../client/client.ts';
import { startController, watching, type ReconcileContext, type Source } from '../client/controller.ts';
import { eventRecorder, type EventRecorder } from '../client/event-recorder.ts';
import type { Informer } from '../client/informer.ts';
import { Informers } from '../client/informers.ts';
import { keyOf } from '../client/object-cache.ts';
import { Assumed } from './assumed.ts';
import { isFinished, nodeState } from './node-state.ts';
import { schedule } from './schedule.ts';

export const schedulerName = 'default-scheduler';

interface World {
  readonly pods: Informer<Pod>;
  readonly nodes: Informer<Node>;
  readonly claims: Informer<PersistentVolumeClaim>;
  readonly assumed: Assumed;
  readonly recorder: EventRecorder;
}

/**
 * Gives each new pod its node. One pod at a time, so that each decision counts the one before it.
 * A pod that fits nowhere waits for an event that may make room: no timer asks again.
 */
export async function startScheduler({ client, log }: { readonly client: Client; readonly log: Log }): Promise<AsyncDisposable> {
  await using starting = new AsyncDisposableStack();
  const informers = starting.use(new Informers(client, log));
  const recorder = starting.use(eventRecorder({ client, component: schedulerName, log }));
  const world: World = {
    pods: informers.of(pods),
    nodes: informers.of(nodes),
    claims: informers.of(persistentVolumeClaims),
    assumed: new Assumed(),
    recorder,
  };
  starting.use(
    startController({
      name: schedulerName,
      client,
      log,
      workers: 1,
      sources: sourcesOf(world),
      reconcile: (key, context) => place(key, world, context),
    }),
  );
  const running = starting.move();
  return { [Symbol.asyncDispose]: () => running.disposeAsync() };
}

function sourcesOf(world: World): readonly Source[] {
  const waiting = (): readonly string[] => world.pods.list().filter(isWaiting).map(keyOf);
  const freesRoom = (pod: Pod, type: string): boolean => Boolean(pod.spec?.nodeName) && (type === 'deleted' || isFinished(pod));
  return [
    watching(world.pods, (pod, { type }) => (freesRoom(pod, type) ? waiting() : type !== 'deleted' && isWaiting(pod) ? [keyOf(pod)] : [])),
    onlyWhen(world.nodes, hasRoomChanged, waiting),
    watching(world.claims, waiting),
  ];
}

/** Heartbeats change a node all the time; only some changes concern where pods fit. */
function onlyWhen(from: Informer<Node>, isRelevant: (node: Node, before: Node) => boolean, keys: () => readonly string[]): Source {
  return watching(from, (node, { type, previous }) =>
    type === 'added' || (type === 'updated' && previous && isRelevant(node, previous)) ? keys() : [],
  );
}

function hasRoomChanged(node: Node, before: Node): boolean {
  const facts = ({ spec, status, metadata }: Node): string =>
    JSON.stringify([spec, metadata.labels, status?.allocatable, status?.conditions?.map(({ type, status: state }) => [type, state])]);
  return facts(node) !== facts(before);
}

function isWaiting(pod: Pod): boolean {
  const isOurs = (pod.spec?.schedulerName ?? schedulerName) === schedulerName;
  return (
    isOurs && !pod.spec?.nodeName && pod.metadata.deletionTimestamp === undefined && !isFinished(pod) && !pod.spec?.schedulingGates?.length
  );
}

async function place(key: string, world: World, { client }: ReconcileContext): Promise<void> {
  const pod = world.pods.get(key);
  if (!pod || !isWaiting(pod) || world.assumed.has(pod)) return;
  const placed = world.assumed.over(world.pods.list());
  const claims = new Map(world.claims.list().map((claim) => [keyOf(claim), claim]));
  const decision = schedule(
    pod,
    world.nodes.list().map((node) => nodeState(node, placed)),
    { claims },
  );
  if ('message' in decision) {
    if (isKnownUnschedulable(pod, decision.message)) return;
    world.recorder.record(pod, 'Warning', 'FailedScheduling', decision.message);
    await writeUnschedulable(client, pod, decision.message);
    return;
  }
  try {
    await client.bind(objectKey(key), decision.nodeName);
  } catch (error) {
    // Gone, or bound by somebody else: its next event tells.
    if (isKind(error, 'notFound') || isKind(error, 'conflict')) return;
    throw error;
  }
  world.assumed.bound(pod, decision.nodeName);
  world.recorder.record(pod, 'Normal', 'Scheduled', `Successfully assigned ${key} to ${decision.nodeName}`);
}

function isKnownUnschedulable(pod: Pod, message: string): boolean {
  const known = pod.status?.conditions?.find((condition) => condition.type === 'PodScheduled');
  return known?.status === 'False' && known.reason === 'Unschedulable' && known.message === message;
}

async function writeUnschedulable(client: Client, pod: Pod, message: string): Promise<void> {
  const known = pod.status?.conditions?.find((condition) => condition.type === 'PodScheduled');
  const lastTransitionTime = known?.status === 'False' ? known.lastTransitionTime : new Date().toISOString().replace(/\.\d+/, '');
  const condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message, lastTransitionTime };
  const others = (pod.status?.conditions ?? []).filter((one) => one.type !== 'PodScheduled');
  const body = { metadata: { uid: pod.metadata.uid }, status: { conditions: [...others, condition] } };
  await client.patch<Pod & KubernetesObject>(pods, objectKey(keyOf(pod)), { type: 'merge', body }, 'status').catch((error: unknown) => {
    if (!isKind(error, 'notFound') && !isKind(error, 'conflict')) throw error;
  });
}

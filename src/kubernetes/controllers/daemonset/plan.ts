import type { DaemonSet, DaemonSetStatus, Node, Pod } from '../../../api/kubernetes/types.generated.ts';
import { resolve } from '../deployment/rollout.ts';
import { isAvailable, isReady } from '../pod-facts.ts';
import { revisionLabel } from '../revisions.ts';
import { daemonPod, nodeOf, placementOn } from './placement.ts';

export interface DaemonSetPlan {
  readonly create: readonly Pod[];
  /** Names of pods to delete. */
  readonly remove: readonly string[];
}

/** Pods per reconcile at most, as upstream's burstReplicas. */
const burst = 250;

/** A node with the set's pods on it. */
interface Place {
  readonly name: string;
  readonly shouldRun: boolean;
  readonly mayStay: boolean;
  readonly pods: readonly Pod[];
}

interface View {
  readonly set: DaemonSet;
  /** The label of pods made from the newest template. */
  readonly hash: string;
  /** In ms since the epoch. */
  readonly now: number;
}

/** Pure. `owned`: the pods controlled by the set. */
export function planDaemonSet(set: DaemonSet, nodes: readonly Node[], owned: readonly Pod[], hash: string, now: number): DaemonSetPlan {
  if (set.metadata.deletionTimestamp) return { create: [], remove: [] };
  const view = { set, hash, now };
  const places = placesOf(set, nodes, owned);
  const kept = places.map((place) => keep(place, view));
  const isRolling = set.spec?.updateStrategy?.type !== 'OnDelete';
  const rolled = isRolling ? roll(places, view) : { create: [], remove: [] };
  const create = [...kept.flatMap((one) => one.create), ...rolled.create];
  const remove = new Set([...kept.flatMap((one) => one.remove), ...rolled.remove]);
  return { create: create.slice(0, burst).map((node) => daemonPod(set, node, hash)), remove: [...remove].slice(0, burst) };
}

interface Step {
  /** Names of nodes that get a pod. */
  readonly create: readonly string[];
  readonly remove: readonly string[];
}

function placesOf(set: DaemonSet, nodes: readonly Node[], owned: readonly Pod[]): readonly Place[] {
  const byNode = Map.groupBy(owned, nodeOf);
  return nodes.map((node) => {
    const name = node.metadata.name ?? '';
    return { name, ...placementOn(set, node), pods: byNode.get(name) ?? [] };
  });
}

const nameOf = (pod: Pod): string => pod.metadata.name ?? '';
const isOver = (pod: Pod): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
const isGoing = (pod: Pod): boolean => pod.metadata.deletionTimestamp !== undefined;

/** One pod where one should be; none where none may be; a pod that ended is deleted to be made anew. */
function keep({ name, shouldRun, mayStay, pods }: Place, view: View): Step {
  const present = pods.filter((pod) => !isGoing(pod));
  if (shouldRun && pods.length === 0) return { create: [name], remove: [] };
  if (!mayStay) return { create: [], remove: present.map(nameOf) };
  const over = present.filter(isOver);
  const running = present.filter((pod) => !isOver(pod)).toSorted(oldestFirst);
  const surplus = hasSurge(view.set) ? [] : running.slice(1);
  return { create: [], remove: [...over, ...surplus].map(nameOf) };
}

function oldestFirst(a: Pod, b: Pod): number {
  const rank = (pod: Pod): string => `${pod.spec?.nodeName ? 0 : 1} ${pod.metadata.creationTimestamp} ${nameOf(pod)}`;
  return rank(a) < rank(b) ? -1 : 1;
}

function hasSurge(set: DaemonSet): boolean {
  const surge = set.spec?.updateStrategy?.rollingUpdate?.maxSurge ?? 0;
  return surge !== 0 && surge !== '0%';
}

interface Pair {
  readonly place: Place;
  readonly old: Pod | undefined;
  readonly fresh: Pod | undefined;
}

/** Where a pod of the old template is still to be replaced. */
function roll(places: readonly Place[], view: View): Step {
  const wanted = places.filter(({ shouldRun }) => shouldRun);
  const { maxSurge = 0, maxUnavailable = 1 } = view.set.spec?.updateStrategy?.rollingUpdate ?? {};
  const surge = resolve(maxSurge, wanted.length, Math.ceil);
  const pairs = wanted.map((place) => pairOf(place, view.hash));
  if (surge > 0) return rollWithSurge(pairs, surge, view);
  return rollInPlace(pairs, Math.max(1, resolve(maxUnavailable, wanted.length, Math.ceil)), view);
}

function pairOf(place: Place, hash: string): Pair {
  const living = place.pods.filter((pod) => !isOver(pod)).toSorted(oldestFirst);
  const isFresh = (pod: Pod): boolean => pod.metadata.labels?.[revisionLabel] === hash;
  return { place, old: living.find((pod) => !isFresh(pod)), fresh: living.find(isFresh) };
}

function isUp(pod: Pod | undefined, { set, now }: View): boolean {
  return pod !== undefined && !isGoing(pod) && isAvailable(pod, set.spec?.minReadySeconds ?? 0, now);
}

/** Old pods that do not work are replaced at once; those that do as far as `unavailable` allows. */
function rollInPlace(pairs: readonly Pair[], unavailable: number, view: View): Step {
  const down = pairs.filter(({ old, fresh }) => !isUp(fresh ?? old, view)).length;
  const broken = pairs.flatMap(({ old, fresh }) => (old && !fresh && !isGoing(old) && !isUp(old, view) ? [nameOf(old)] : []));
  const healthy = pairs.flatMap(({ old, fresh }) => (old && !fresh && isUp(old, view) ? [nameOf(old)] : []));
  return { create: [], remove: [...broken, ...healthy.slice(0, Math.max(0, unavailable - down))] };
}

/** A new pod comes up beside the old one, which goes when the new one is available. */
function rollWithSurge(pairs: readonly Pair[], surge: number, view: View): Step {
  const remove = pairs.flatMap(({ old, fresh }) => (old && !isGoing(old) && isUp(fresh, view) ? [nameOf(old)] : []));
  const under = pairs.filter(({ old, fresh }) => old && fresh && !isUp(fresh, view)).length;
  const waiting = pairs.filter(({ old, fresh }) => old && !fresh && !isGoing(old));
  const broken = waiting.filter(({ old }) => !isUp(old, view));
  const healthy = waiting.filter(({ old }) => isUp(old, view)).slice(0, Math.max(0, surge - under));
  return { create: [...broken, ...healthy].map(({ place }) => place.name), remove };
}

/** Counts nodes, not pods. */
export function daemonSetStatus(set: DaemonSet, nodes: readonly Node[], owned: readonly Pod[], hash: string, now: number): DaemonSetStatus {
  const view = { set, hash, now };
  const places = placesOf(set, nodes, owned);
  const wanted = places.filter(({ shouldRun }) => shouldRun);
  const present = wanted.filter(({ pods }) => pods.length > 0);
  const oldest = present.flatMap(({ pods }) => pods.toSorted(oldestFirst).slice(0, 1));
  const available = oldest.filter((pod) => isUp(pod, view)).length;
  const optional = {
    updatedNumberScheduled: oldest.filter((pod) => pod.metadata.labels?.[revisionLabel] === hash).length,
    numberAvailable: available,
    numberUnavailable: wanted.length - available,
  };
  return {
    currentNumberScheduled: present.length,
    numberMisscheduled: places.filter(({ shouldRun, pods }) => !shouldRun && pods.length > 0).length,
    desiredNumberScheduled: wanted.length,
    numberReady: oldest.filter(isReady).length,
    observedGeneration: set.metadata.generation,
    ...Object.fromEntries(Object.entries(optional).filter(([, count]) => count > 0)),
  };
}

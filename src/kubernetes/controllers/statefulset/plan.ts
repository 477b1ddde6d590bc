import type {
  ControllerRevision,
  PersistentVolumeClaim,
  Pod,
  StatefulSet,
  StatefulSetStatus,
} from '../../../api/kubernetes/types.generated.ts';
import { resolve } from '../deployment/rollout.ts';
import { controllerReference, isAvailable, isReady } from '../pod-facts.ts';
import { revisionLabel, type Revisions } from '../revisions.ts';

/** One step; at most one pod is created or deleted at a time with OrderedReady. */
export interface StatefulSetPlan {
  readonly claims: readonly PersistentVolumeClaim[];
  readonly create: readonly Pod[];
  readonly remove: readonly string[];
}

const nothing: StatefulSetPlan = { claims: [], create: [], remove: [] };

/**
 * Pure. `pods`: those controlled by the set; `claims`: names of the claims that exist in the namespace.
 *
 *   web-0 Ready ─► create web-1 ─► Ready ─► …        scale down and update: highest ordinal first, one at a time
 */
export function planStatefulSet(
  set: StatefulSet,
  pods: readonly Pod[],
  claims: ReadonlySet<string>,
  revisions: Revisions,
  now: number,
): StatefulSetPlan {
  if (set.metadata.deletionTimestamp) return nothing;
  const ordered = set.spec?.podManagementPolicy !== 'Parallel';
  const start = set.spec?.ordinals?.start ?? 0;
  const end = start + (set.spec?.replicas ?? 1);
  const byOrdinal = new Map(pods.map((pod) => [ordinalOf(set, pod), pod]));
  const finished = pods.filter((pod) => isOver(pod) && !pod.metadata.deletionTimestamp);
  if (finished.length > 0) return { ...nothing, remove: finished.map(nameOf) };
  const create: Pod[] = [];
  for (let ordinal = start; ordinal < end; ordinal += 1) {
    const pod = byOrdinal.get(ordinal);
    if (!pod) create.push(podAt(set, ordinal, revisionFor(set, ordinal, revisions)));
    const waits = !pod || !isAvailable(pod, set.spec?.minReadySeconds ?? 0, now) || pod.metadata.deletionTimestamp !== undefined;
    if (ordered && waits) return { ...nothing, create, claims: missingClaims(set, create, claims) };
  }
  if (create.length > 0) return { ...nothing, create, claims: missingClaims(set, create, claims) };
  const condemned = pods
    .filter((pod) => !isWithin(ordinalOf(set, pod), start, end))
    .toSorted((a, b) => ordinalOf(set, b) - ordinalOf(set, a));
  if (condemned.length > 0) {
    const next = ordered ? condemned.slice(0, 1) : condemned;
    return { ...nothing, remove: next.filter((pod) => !pod.metadata.deletionTimestamp).map(nameOf) };
  }
  return { ...nothing, remove: nextToUpdate(set, pods, revisions) };
}

/** The highest pod at or above the partition that runs an old revision, once everything above it is healthy. */
function nextToUpdate(set: StatefulSet, pods: readonly Pod[], revisions: Revisions): readonly string[] {
  if (set.spec?.updateStrategy?.type === 'OnDelete') return [];
  const { partition = 0, maxUnavailable = 1 } = set.spec?.updateStrategy?.rollingUpdate ?? {};
  const limit = Math.max(1, resolve(maxUnavailable, set.spec?.replicas ?? 1, Math.ceil));
  const downwards = pods.toSorted((a, b) => ordinalOf(set, b) - ordinalOf(set, a));
  if (limit > 1) return severalToUpdate(set, downwards, partition, limit, revisions);
  for (const pod of downwards) {
    if (ordinalOf(set, pod) < partition) return [];
    if (pod.metadata.labels?.[revisionLabel] !== revisions.update.metadata.name) return pod.metadata.deletionTimestamp ? [] : [nameOf(pod)];
    if (!isReady(pod) || pod.metadata.deletionTimestamp) return [];
  }
  return [];
}

/** As many at a time as may be unavailable, from the top; an old pod that does not work anyway goes too. */
function severalToUpdate(
  set: StatefulSet,
  downwards: readonly Pod[],
  partition: number,
  limit: number,
  revisions: Revisions,
): readonly string[] {
  const isDown = (pod: Pod): boolean => !isReady(pod) || pod.metadata.deletionTimestamp !== undefined;
  const isOld = (pod: Pod): boolean => pod.metadata.labels?.[revisionLabel] !== revisions.update.metadata.name;
  const room = limit - downwards.filter(isDown).length;
  const old = downwards.filter((pod) => ordinalOf(set, pod) >= partition && isOld(pod) && !pod.metadata.deletionTimestamp);
  const broken = old.filter(isDown);
  return [...broken, ...old.filter((pod) => !isDown(pod)).slice(0, Math.max(0, room))].map(nameOf);
}

function revisionFor(set: StatefulSet, ordinal: number, revisions: Revisions): ControllerRevision {
  const partition = set.spec?.updateStrategy?.rollingUpdate?.partition ?? 0;
  const isOld = set.spec?.updateStrategy?.type !== 'OnDelete' && ordinal < partition;
  return isOld ? revisions.current : revisions.update;
}

/** `web-3` → 3; −1 for a name that is not the set's. */
export function ordinalOf(set: StatefulSet, pod: Pod): number {
  const prefix = `${set.metadata.name}-`;
  const rest = nameOf(pod).startsWith(prefix) ? nameOf(pod).slice(prefix.length) : '';
  return /^\d+$/.test(rest) ? Number(rest) : -1;
}

function podAt(set: StatefulSet, ordinal: number, revision: ControllerRevision): Pod {
  const template =
    (revision.data as { readonly spec?: { readonly template?: StatefulSetTemplate } } | undefined)?.spec?.template ?? set.spec?.template;
  const name = `${set.metadata.name}-${ordinal}`;
  const labels = {
    ...template?.metadata?.labels,
    'statefulset.kubernetes.io/pod-name': name,
    'apps.kubernetes.io/pod-index': String(ordinal),
    [revisionLabel]: revision.metadata.name ?? '',
  };
  const claimed = (set.spec?.volumeClaimTemplates ?? []).map((claim) => ({
    name: claim.metadata.name ?? '',
    persistentVolumeClaim: { claimName: `${claim.metadata.name}-${name}` },
  }));
  const own = (template?.spec?.volumes ?? []).filter((volume) => !claimed.some((one) => one.name === volume.name));
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      namespace: set.metadata.namespace,
      name,
      labels,
      annotations: template?.metadata?.annotations,
      ownerReferences: [controllerReference(set)],
    },
    spec: {
      ...template?.spec,
      containers: template?.spec?.containers ?? [],
      hostname: name,
      subdomain: set.spec?.serviceName,
      volumes: [...own, ...claimed],
    },
  };
}

type StatefulSetTemplate = NonNullable<StatefulSet['spec']>['template'];

/** Claims are made before the pod and stay when it goes. */
function missingClaims(set: StatefulSet, pods: readonly Pod[], existing: ReadonlySet<string>): readonly PersistentVolumeClaim[] {
  const templates = set.spec?.volumeClaimTemplates ?? [];
  return pods
    .flatMap((pod) => templates.map((template) => ({ template, name: `${template.metadata.name}-${nameOf(pod)}` })))
    .filter(({ name }) => !existing.has(name))
    .map(({ template, name }) => ({
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: {
        ...template.metadata,
        namespace: set.metadata.namespace,
        name,
        labels: { ...template.metadata.labels, ...set.spec?.selector.matchLabels },
      },
      spec: template.spec,
    }));
}

export function statefulSetStatus(set: StatefulSet, pods: readonly Pod[], revisions: Revisions, now: number): StatefulSetStatus {
  const live = pods.filter((pod) => !isOver(pod));
  const running = (revision: ControllerRevision): number =>
    live.filter((pod) => pod.metadata.labels?.[revisionLabel] === revision.metadata.name && !pod.metadata.deletionTimestamp).length;
  const updatedReplicas = running(revisions.update);
  const readyReplicas = live.filter(isReady).length;
  const isUpdated = updatedReplicas === live.length && readyReplicas === (set.spec?.replicas ?? 1) && live.length === readyReplicas;
  const current = isUpdated ? revisions.update : revisions.current;
  const counts = {
    readyReplicas,
    currentReplicas: running(current),
    updatedReplicas,
  };
  const positive = Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
  return {
    observedGeneration: set.metadata.generation,
    replicas: live.length,
    ...positive,
    availableReplicas: live.filter((pod) => isAvailable(pod, set.spec?.minReadySeconds ?? 0, now)).length,
    currentRevision: current.metadata.name,
    updateRevision: revisions.update.metadata.name,
    collisionCount: set.status?.collisionCount ?? 0,
  };
}

function isOver(pod: Pod): boolean {
  return pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
}

function isWithin(ordinal: number, start: number, end: number): boolean {
  return ordinal >= start && ordinal < end;
}

function nameOf(pod: Pod): string {
  return pod.metadata.name ?? '';
}

import type { Deployment, ReplicaSet } from '../../../api/kubernetes/types.generated.ts';
import { findNew, hashLabel, oldestFirst, templateHash } from './template.ts';
import { newReplicas, proportionalScale, rollingStep, rolloutLimits, type Scaling, specReplicas, total } from './rollout.ts';

export const revisionAnnotation = 'deployment.kubernetes.io/revision';
export const desiredAnnotation = 'deployment.kubernetes.io/desired-replicas';
export const maxAnnotation = 'deployment.kubernetes.io/max-replicas';

/** What one reconcile of a Deployment does next; at most one kind of change at a time, the next one follows from its effect. */
export interface DeploymentPlan {
  readonly create: ReplicaSet | undefined;
  readonly scale: Scaling;
  /** ReplicaSets whose annotations must be brought up to date, with the new annotations. */
  readonly annotate: ReadonlyMap<string, Readonly<Record<string, string>>>;
  readonly remove: readonly string[];
  /** The revision that the Deployment's own annotation shows. */
  readonly revision: string | undefined;
}

const nothing: DeploymentPlan = { create: undefined, scale: new Map(), annotate: new Map(), remove: [], revision: undefined };

/** Pure. `owned`: the ReplicaSets controlled by the Deployment. */
export function planDeployment(deployment: Deployment, owned: readonly ReplicaSet[]): DeploymentPlan {
  const current = findNew(deployment, owned);
  const old = owned.filter((one) => one !== current);
  const revision = nextRevision(current, old);
  const base = { ...nothing, revision: current ? String(revision) : annotation(deployment.metadata.annotations, revisionAnnotation) };
  if (deployment.spec?.paused === true)
    return { ...base, scale: isScaled(deployment, owned) ? scaleActive(deployment, current, old) : new Map() };
  if (isScaled(deployment, owned))
    return { ...base, scale: scaleActive(deployment, current, old), annotate: annotations(deployment, current, revision, owned) };
  const isRecreate = deployment.spec?.strategy?.type === 'Recreate';
  if (isRecreate && old.some((one) => specReplicas(one) > 0))
    return { ...base, scale: new Map(old.filter((one) => specReplicas(one) > 0).map((one) => [nameOf(one), 0])) };
  if (isRecreate && total(old, (one) => one.status?.replicas ?? 0) > 0) return base;
  if (!current) return { ...base, create: newReplicaSet(deployment, owned, revision), revision: String(revision) };
  const annotate = annotations(deployment, current, revision, owned);
  const grown = newReplicas(deployment, current, owned);
  const recreated: Scaling = grown === specReplicas(current) ? new Map() : new Map([[nameOf(current), grown]]);
  const scale = isRecreate ? recreated : rollingStep(deployment, current, old);
  return { ...base, scale, annotate, remove: isComplete(deployment, current) ? surplusHistory(deployment, old) : [] };
}

/** The newest: one more than every old one; a ReplicaSet that already is the newest keeps its number. */
function nextRevision(current: ReplicaSet | undefined, old: readonly ReplicaSet[]): number {
  const newestOld = Math.max(0, ...old.map(revisionOf));
  const own = current ? revisionOf(current) : 0;
  return own > newestOld ? own : newestOld + 1;
}

export function revisionOf(replicaSet: ReplicaSet): number {
  return Number(annotation(replicaSet.metadata.annotations, revisionAnnotation) ?? 0);
}

/** spec.replicas was changed since the ReplicaSets were last scaled: told by the annotation they carry. */
function isScaled(deployment: Deployment, owned: readonly ReplicaSet[]): boolean {
  const wanted = String(deployment.spec?.replicas ?? 1);
  return owned.some((one) => {
    const noted = annotation(one.metadata.annotations, desiredAnnotation);
    return specReplicas(one) > 0 && noted !== undefined && noted !== wanted;
  });
}

function scaleActive(deployment: Deployment, current: ReplicaSet | undefined, old: readonly ReplicaSet[]): Scaling {
  const active = [...(current ? [current] : []), ...old].filter((one) => specReplicas(one) > 0);
  return proportionalScale(deployment, active);
}

function annotations(
  deployment: Deployment,
  current: ReplicaSet | undefined,
  revision: number,
  owned: readonly ReplicaSet[],
): ReadonlyMap<string, Readonly<Record<string, string>>> {
  const result = new Map<string, Readonly<Record<string, string>>>();
  for (const one of owned) {
    const before = one.metadata.annotations ?? {};
    const isActive = specReplicas(one) > 0 || one === current;
    const after = {
      ...before,
      ...(one === current ? { ...inherited(deployment), [revisionAnnotation]: String(revision) } : {}),
      ...(isActive ? sizes(deployment) : {}),
    };
    if (JSON.stringify(sorted(before)) !== JSON.stringify(sorted(after))) result.set(nameOf(one), after);
  }
  return result;
}

function sizes(deployment: Deployment): Readonly<Record<string, string>> {
  const wanted = deployment.spec?.replicas ?? 1;
  const surge = deployment.spec?.strategy?.type === 'Recreate' ? 0 : rolloutLimits(deployment).surge;
  return { [desiredAnnotation]: String(wanted), [maxAnnotation]: String(wanted + surge) };
}

/** What a ReplicaSet takes over from its Deployment: everything but kubectl's and the revision's bookkeeping. */
function inherited(deployment: Deployment): Readonly<Record<string, string>> {
  const skipped = new Set([
    'kubectl.kubernetes.io/last-applied-configuration',
    revisionAnnotation,
    desiredAnnotation,
    maxAnnotation,
    'deprecated.deployment.rollback.to',
  ]);
  return Object.fromEntries(Object.entries(deployment.metadata.annotations ?? {}).filter(([key]) => !skipped.has(key)));
}

function newReplicaSet(deployment: Deployment, owned: readonly ReplicaSet[], revision: number): ReplicaSet {
  const { metadata, spec } = deployment;
  if (!spec) throw new Error(`Deployment ${metadata.name} has no spec`);
  const hash = templateHash(spec.template, deployment.status?.collisionCount ?? 0);
  const labels = { ...spec.template.metadata?.labels, [hashLabel]: hash };
  const owner = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    name: metadata.name ?? '',
    uid: metadata.uid ?? '',
    controller: true,
    blockOwnerDeletion: true,
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      namespace: metadata.namespace,
      name: `${metadata.name}-${hash}`,
      labels,
      annotations: { ...inherited(deployment), [revisionAnnotation]: String(revision), ...sizes(deployment) },
      ownerReferences: [owner],
    },
    spec: {
      replicas: newReplicas(deployment, undefined, owned),
      minReadySeconds: spec.minReadySeconds,
      selector: { ...spec.selector, matchLabels: { ...spec.selector.matchLabels, [hashLabel]: hash } },
      template: { ...spec.template, metadata: { ...spec.template.metadata, labels } },
    },
  };
}

export function isComplete(deployment: Deployment, current: ReplicaSet): boolean {
  const wanted = deployment.spec?.replicas ?? 1;
  return specReplicas(current) === wanted && (current.status?.availableReplicas ?? 0) >= wanted;
}

/** Old, empty ReplicaSets beyond spec.revisionHistoryLimit, lowest revision first. */
function surplusHistory(deployment: Deployment, old: readonly ReplicaSet[]): readonly string[] {
  const empty = oldestFirst(old).filter(
    (one) => specReplicas(one) === 0 && (one.status?.replicas ?? 0) === 0 && !one.metadata.deletionTimestamp,
  );
  const surplus = old.length - (deployment.spec?.revisionHistoryLimit ?? 10);
  return empty
    .toSorted((a, b) => revisionOf(a) - revisionOf(b))
    .slice(0, Math.max(0, surplus))
    .map(nameOf);
}

function sorted(record: Readonly<Record<string, string>>): readonly (readonly [string, string])[] {
  return Object.entries(record).toSorted(([a], [b]) => (a < b ? -1 : 1));
}

function annotation(annotationsOf: Readonly<Record<string, string>> | undefined, key: string): string | undefined {
  return annotationsOf?.[key];
}

function nameOf(replicaSet: ReplicaSet): string {
  return replicaSet.metadata.name ?? '';
}

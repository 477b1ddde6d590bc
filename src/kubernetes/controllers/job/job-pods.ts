import type { Container, Job, Pod } from '../../../api/kubernetes/types.generated.ts';
import { controllerReference } from '../pod-facts.ts';

/** Holds a pod until the Job has counted how it ended. */
export const trackingFinalizer = 'batch.kubernetes.io/job-tracking';
export const indexKey = 'batch.kubernetes.io/job-completion-index';
export const failureCountKey = 'batch.kubernetes.io/job-index-failure-count';

export const uidOf = (pod: Pod): string => pod.metadata.uid ?? '';
export const nameOf = (pod: Pod): string => pod.metadata.name ?? '';
export const isTracked = (pod: Pod): boolean => pod.metadata.finalizers?.includes(trackingFinalizer) === true;
export const isGoing = (pod: Pod): boolean => pod.metadata.deletionTimestamp !== undefined;
export const hasSucceeded = (pod: Pod): boolean => pod.status?.phase === 'Succeeded';
export const isOver = (pod: Pod): boolean => pod.status?.phase === 'Succeeded' || pod.status?.phase === 'Failed';
export const isRunning = (pod: Pod): boolean => !isOver(pod) && !isGoing(pod);

export const isIndexed = (job: Job): boolean => job.spec?.completionMode === 'Indexed';

/** −1: of no index. */
export function indexOf(pod: Pod): number {
  const text = pod.metadata.annotations?.[indexKey] ?? '';
  return /^\d+$/.test(text) ? Number(text) : -1;
}

/** Replacing only what has failed for good, not what is still ending. */
export const replacesFailedOnly = (job: Job): boolean => job.spec?.podReplacementPolicy === 'Failed';

/** A pod that is being deleted has failed already, unless the Job waits for its end. */
export function hasFailed(pod: Pod, job: Job): boolean {
  if (pod.status?.phase === 'Failed') return true;
  return isGoing(pod) && !hasSucceeded(pod) && !replacesFailedOnly(job);
}

/** Failed, and not merely sent away by the Job itself, which lets go of a pod before it deletes it. */
export function hasFailedByItself(pod: Pod, job: Job): boolean {
  return hasFailed(pod, job) && (pod.status?.phase === 'Failed' || isTracked(pod));
}

/** When its last container ended, or the best there is instead; ms since the epoch. */
export function finishedAt(pod: Pod): number {
  const ends = (pod.status?.containerStatuses ?? []).map(({ state }) => Date.parse(state?.terminated?.finishedAt ?? ''));
  const known = ends.filter((time) => !Number.isNaN(time));
  if (known.length > 0) return Math.max(...known);
  return Date.parse(pod.metadata.deletionTimestamp ?? pod.metadata.creationTimestamp ?? '') || 0;
}

/** The pod of one index, or of none; `failures`: of earlier pods of that index. */
export function jobPod(job: Job, index: number | undefined, failures: number): Pod {
  const template = job.spec?.template;
  const { name = '', namespace } = job.metadata;
  const perIndex = job.spec?.backoffLimitPerIndex !== undefined;
  const indexed: Readonly<Record<string, string>> = index === undefined ? {} : { [indexKey]: String(index) };
  const metadata = {
    namespace,
    generateName: index === undefined ? `${name}-` : `${name}-${index}-`,
    labels: { ...template?.metadata?.labels, ...indexed },
    annotations: { ...template?.metadata?.annotations, ...indexed, ...(perIndex && { [failureCountKey]: String(failures) }) },
    finalizers: [...(template?.metadata?.finalizers ?? []), trackingFinalizer],
    ownerReferences: [controllerReference(job)],
  };
  const spec = template?.spec ?? { containers: [] };
  if (index === undefined) return { apiVersion: 'v1', kind: 'Pod', metadata, spec };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata,
    spec: {
      ...spec,
      hostname: spec.hostname ?? `${name}-${index}`,
      containers: spec.containers.map(withIndex),
      ...(spec.initContainers && { initContainers: spec.initContainers.map(withIndex) }),
    },
  };
}

const indexVariable = 'JOB_COMPLETION_INDEX';

function withIndex(container: Container): Container {
  if (container.env?.some(({ name }) => name === indexVariable)) return container;
  const valueFrom = { fieldRef: { fieldPath: `metadata.annotations['${indexKey}']` } };
  return { ...container, env: [...(container.env ?? []), { name: indexVariable, valueFrom }] };
}

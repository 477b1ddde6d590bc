import { createHash } from 'node:crypto';
import type { Deployment, PodTemplateSpec, ReplicaSet } from '../../../api/kubernetes/types.generated.ts';

export const hashLabel = 'pod-template-hash';
const alphabet = 'bcdfghjklmnpqrstvwxz2456789';

/** Ten letters that name a pod template; `collisions` is status.collisionCount. */
export function templateHash(template: PodTemplateSpec, collisions: number): string {
  const digest = createHash('sha256').update(canonical(template)).update(`/${collisions}`).digest();
  return Array.from(digest.subarray(0, 10), (byte) => alphabet[byte % alphabet.length]).join('');
}

/** Whether the ReplicaSet runs this template: equal but for the hash label. */
export function hasTemplate(replicaSet: ReplicaSet, template: PodTemplateSpec): boolean {
  const own = replicaSet.spec?.template;
  return own !== undefined && canonical(withoutHash(own)) === canonical(withoutHash(template));
}

/** The template without the label that only ReplicaSets carry. */
export function withoutHash(template: PodTemplateSpec): PodTemplateSpec {
  const { [hashLabel]: _hash, ...labels } = template.metadata?.labels ?? {};
  return { ...template, metadata: { ...template.metadata, labels } };
}

/** The ReplicaSet of the current template; the oldest when a race made two. */
export function findNew(deployment: Deployment, replicaSets: readonly ReplicaSet[]): ReplicaSet | undefined {
  const template = deployment.spec?.template;
  return template && oldestFirst(replicaSets).find((replicaSet) => hasTemplate(replicaSet, template));
}

export function oldestFirst(replicaSets: readonly ReplicaSet[]): readonly ReplicaSet[] {
  const key = (one: ReplicaSet): string => `${one.metadata.creationTimestamp} ${one.metadata.name}`;
  return replicaSets.toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
}

/** JSON with sorted keys; absent, null and the empty list are one, as the API's encoding drops them. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  const isEmpty = (one: unknown): boolean => one === undefined || one === null || (Array.isArray(one) && one.length === 0);
  const entries = Object.entries(value).filter(([, one]) => !isEmpty(one));
  return `{${entries
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, one]) => `${JSON.stringify(key)}:${canonical(one)}`)
    .join(',')}}`;
}

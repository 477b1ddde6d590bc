import * as kinds from '../../api/kubernetes/kinds.ts';
import type { ContainerStatus, Pod, PodSpec, PodStatus } from '../../api/kubernetes/types.generated.ts';
import type { Client } from '../../kubernetes/client/client.ts';

/** Something that holds an object up, and what is said of it. */
export interface Blocker {
  readonly name: string;
  /** As kubectl would apply it; NS is the namespace. */
  readonly planted: readonly object[];
  /** What only a kubelet would say. */
  readonly prepare?: (namespace: string) => Promise<unknown>;
  readonly target: string;
  /** What the links of the chain say, the first one first. */
  readonly says: readonly RegExp[];
  readonly command: RegExp;
  /** The command has a hole in it that only a person can fill, or reads. */
  readonly filled?: (command: string) => string | undefined;
  /** Other than that nothing holds up the target any more. */
  readonly afterwards?: (namespace: string) => Promise<void>;
}

export const labels = { app: 'web' };
export const podSpec = (more: Partial<PodSpec> = {}): PodSpec => ({
  terminationGracePeriodSeconds: 0,
  containers: [{ name: 'c', image: 'x' }],
  ...more,
});
export const deployment = (more: object = {}, spec: Partial<PodSpec> = {}, replicas = 1): object => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web' },
  spec: { replicas, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: podSpec(spec) }, ...more },
});
export const lonePod = (spec: Partial<PodSpec>, metadata: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'web', labels, ...metadata },
  spec: podSpec(spec),
});
export const quota = (hard: object): object => ({ apiVersion: 'v1', kind: 'ResourceQuota', metadata: { name: 'q' }, spec: { hard } });
export const configMap = (metadata: object): object => ({ apiVersion: 'v1', kind: 'ConfigMap', metadata });
export const claim = (metadata: object, spec: object = {}): object => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata,
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } }, ...spec },
});
export const withPort: Partial<PodSpec> = { containers: [{ name: 'c', image: 'x', ports: [{ containerPort: 80, hostPort: 80 }] }] };
export const usesData: Partial<PodSpec> = { volumes: [{ name: 'v', persistentVolumeClaim: { claimName: 'data' } }] };

/** Says it as a kubelet would. */
export async function warn(
  client: Client,
  pod: Pod,
  { reason, message }: { readonly reason: string; readonly message: string },
): Promise<void> {
  const { namespace, name, uid } = pod.metadata;
  const involvedObject = { kind: 'Pod', namespace, name, uid };
  const lastTimestamp = new Date().toISOString();
  await client.create(kinds.events, {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { namespace, generateName: 'e-' },
    type: 'Warning',
    involvedObject,
    reason,
    message,
    lastTimestamp,
  });
}

export const container = (state: ContainerStatus['state'], more: Partial<ContainerStatus> = {}): Partial<PodStatus> => ({
  phase: 'Running',
  containerStatuses: [{ name: 'c', image: 'x', imageID: '', ready: false, restartCount: 0, state, ...more }],
});
export const ready: Partial<PodStatus> = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };

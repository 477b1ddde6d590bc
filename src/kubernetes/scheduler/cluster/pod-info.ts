import type { Pod } from '../../../api/kubernetes/types.generated.ts';
import { podRequests, scoredRequests, type Resources } from './resources.ts';
import { type Labels, type NamespaceLabels, type Term, termOf, weighted } from './terms.ts';

export interface HostPort {
  readonly ip: string;
  readonly protocol: string;
  readonly port: number;
}

/** What scheduling asks about a pod again and again, read once. */
export interface PodInfo {
  readonly pod: Pod;
  readonly uid: string;
  /** `namespace/name` */
  readonly key: string;
  readonly namespace: string;
  readonly labels: Labels;
  readonly priority: number;
  readonly requests: Resources;
  readonly scored: Resources;
  readonly ports: readonly HostPort[];
  /** Names of the claims that its volumes use. */
  readonly claims: readonly string[];
  readonly affinity: readonly Term[];
  readonly antiAffinity: readonly Term[];
  /** Wishes, anti-affinity with negative weights. */
  readonly preferred: readonly Term[];
  /** The same for pods of the same namespace and labels. */
  readonly siblingsKey: string;
  /** The same for siblings with the same terms about other pods; undefined: no terms. */
  readonly termsKey: string | undefined;
  /** UID of its controller. */
  readonly owner: string | undefined;
  readonly isGoing: boolean;
}

export function podInfo(pod: Pod, namespaceLabels: NamespaceLabels = () => undefined): PodInfo {
  const { metadata, spec } = pod;
  const { podAffinity, podAntiAffinity } = spec?.affinity ?? {};
  const required = (terms: NonNullable<typeof podAffinity>['requiredDuringSchedulingIgnoredDuringExecution']): readonly Term[] =>
    (terms ?? []).map((term) => termOf(pod, term, 1, namespaceLabels));
  const siblingsKey = keyOfSiblings(pod);
  const terms = podAffinity ?? podAntiAffinity;
  return {
    pod,
    uid: metadata.uid ?? '',
    key: `${metadata.namespace}/${metadata.name}`,
    namespace: metadata.namespace ?? '',
    labels: metadata.labels ?? {},
    priority: spec?.priority ?? 0,
    requests: podRequests(spec),
    scored: scoredRequests(spec),
    ports: portsOf(pod),
    claims: claimsOf(pod),
    affinity: required(podAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
    antiAffinity: required(podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution),
    preferred: [
      ...weighted(pod, podAffinity?.preferredDuringSchedulingIgnoredDuringExecution, 1, namespaceLabels),
      ...weighted(pod, podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution, -1, namespaceLabels),
    ],
    siblingsKey,
    termsKey: terms && `${siblingsKey} ${JSON.stringify([podAffinity, podAntiAffinity])}`,
    owner: metadata.ownerReferences?.find((reference) => reference.controller === true)?.uid,
    isGoing: metadata.deletionTimestamp !== undefined,
  };
}

function keyOfSiblings({ metadata }: Pod): string {
  const labels = Object.entries(metadata.labels ?? {}).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `${metadata.namespace} ${JSON.stringify(labels)}`;
}

function portsOf({ spec }: Pod): readonly HostPort[] {
  const sidecars = (spec?.initContainers ?? []).filter((one) => one.restartPolicy === 'Always');
  return [...(spec?.containers ?? []), ...sidecars]
    .flatMap((container) => container.ports ?? [])
    .flatMap(({ hostPort, hostIP, protocol = 'TCP' }) => (hostPort ? [{ ip: hostIP || '0.0.0.0', protocol, port: hostPort }] : []));
}

function claimsOf({ metadata, spec }: Pod): readonly string[] {
  return (spec?.volumes ?? []).flatMap((volume) => {
    if (volume.persistentVolumeClaim) return [volume.persistentVolumeClaim.claimName];
    return volume.ephemeral ? [`${metadata.name}-${volume.name}`] : [];
  });
}

/** Two ports that one host cannot both give away. */
export function collide(a: HostPort, b: HostPort): boolean {
  if (a.port !== b.port || a.protocol !== b.protocol) return false;
  return a.ip === b.ip || a.ip === '0.0.0.0' || b.ip === '0.0.0.0';
}

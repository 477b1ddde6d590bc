import { matchesNodeSelection, untolerated } from '../../../api/kubernetes/node-selection.ts';
import type { DaemonSet, Node, NodeAffinity, Pod, PodSpec, PodTemplateSpec, Toleration } from '../../../api/kubernetes/types.generated.ts';
import { controllerReference } from '../pod-facts.ts';
import { revisionLabel } from '../revisions.ts';

/** A daemon outlives what drives other pods away: it is there for the node, also for a sick one. */
const daemonTolerations: readonly Toleration[] = [
  { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/disk-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/pid-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoSchedule' },
];
const networkUnavailable: Toleration = { key: 'node.kubernetes.io/network-unavailable', operator: 'Exists', effect: 'NoSchedule' };

export interface Verdict {
  readonly shouldRun: boolean;
  /** Less strict: a daemon that is there may stay. */
  readonly mayStay: boolean;
}

/** Whether the set wants a pod on the node. */
export function placementOn(set: DaemonSet, node: Node): Verdict {
  const pod = daemonPod(set, node.metadata.name ?? '', '');
  const wanted = set.spec?.template.spec;
  const isNamed = !wanted?.nodeName || wanted.nodeName === node.metadata.name;
  const plain: Pod = { ...pod, spec: { ...pod.spec, containers: [], affinity: wanted?.affinity } };
  if (!isNamed || !matchesNodeSelection(plain, node)) return { shouldRun: false, mayStay: false };
  return {
    shouldRun: untolerated(pod, node, ['NoSchedule', 'NoExecute']) === undefined,
    mayStay: untolerated(pod, node, ['NoExecute']) === undefined,
  };
}

/** The set's pod for one node: held there by required affinity to the node's name, placed by the scheduler. */
export function daemonPod(set: DaemonSet, nodeName: string, hash: string): Pod {
  const template = set.spec?.template;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      namespace: set.metadata.namespace,
      generateName: `${set.metadata.name}-`,
      labels: {
        ...template?.metadata?.labels,
        [revisionLabel]: hash,
        'pod-template-generation': set.metadata.annotations?.['deprecated.daemonset.template.generation'] ?? '1',
      },
      annotations: template?.metadata?.annotations,
      finalizers: template?.metadata?.finalizers,
      ownerReferences: [controllerReference(set)],
    },
    spec: specFor(template, nodeName),
  };
}

function specFor(template: PodTemplateSpec | undefined, nodeName: string): PodSpec {
  const spec: PodSpec = template?.spec ?? { containers: [] };
  const extra = spec.hostNetwork ? [...daemonTolerations, networkUnavailable] : daemonTolerations;
  const own = spec.tolerations ?? [];
  const missing = extra.filter(
    (one) => !own.some((other) => other.key === one.key && other.effect === one.effect && other.operator === one.operator),
  );
  return {
    ...spec,
    tolerations: [...own, ...missing],
    affinity: { ...spec.affinity, nodeAffinity: pinned(spec.affinity?.nodeAffinity, nodeName) },
  };
}

/** Every required term is narrowed to the one node. */
function pinned(affinity: NodeAffinity | undefined, nodeName: string): NodeAffinity {
  const field = { key: 'metadata.name', operator: 'In', values: [nodeName] };
  return { ...affinity, requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [{ matchFields: [field] }] } };
}

/** The node that a daemon's pod is on, or is meant for. */
export function nodeOf(pod: Pod): string {
  if (pod.spec?.nodeName) return pod.spec.nodeName;
  const terms = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const field = terms.flatMap((term) => term.matchFields ?? []).find((one) => one.key === 'metadata.name' && one.operator === 'In');
  return field?.values?.[0] ?? '';
}

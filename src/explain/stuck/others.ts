import { nodes, podDisruptionBudgets, pods, storageClasses } from '../../api/kubernetes/kinds.ts';
import { matchesLabels } from '../../api/kubernetes/label-selector.ts';
import type {
  CertificateSigningRequest,
  Node,
  PersistentVolumeClaim,
  Pod,
  PodDisruptionBudget,
  Service,
} from '../../api/kubernetes/types.generated.ts';
import { argumentsOf, lastWarning, patch, referenceTo, type Facts, type Finding } from './finding.ts';
import { isReady } from './workloads.ts';

export async function stuckClaim(facts: Facts, claim: PersistentVolumeClaim): Promise<Finding | undefined> {
  const { reader } = facts;
  const { spec, status } = claim;
  if (status?.phase === 'Bound') return undefined;
  if (status?.phase === 'Lost') return { text: `the volume ${spec?.volumeName} that it was bound to is gone` };
  const name = spec?.storageClassName;
  if (name === undefined || name === '') return { text: 'it names no storage class, and no volume that is there fits it' };
  const found = await reader.get(storageClasses, { name });
  if (!found) {
    const rest = { provisioner: 'davit.dev/local', volumeBindingMode: 'WaitForFirstConsumer' };
    const manifest = { apiVersion: 'storage.k8s.io/v1', kind: 'StorageClass', metadata: { name }, ...rest };
    return {
      text: `its storage class ${name} is missing`,
      fix: { text: 'make it', command: `kubectl apply -f - <<< '${JSON.stringify(manifest)}'` },
    };
  }
  const users = await usersOf(facts, claim);
  if (found.volumeBindingMode === 'WaitForFirstConsumer' && users.length === 0)
    return { text: `class ${name} binds it when its first pod comes: no pod uses it` };
  const [user] = users;
  if (user && !user.spec?.nodeName) return { text: 'it is bound when its pod has a node', next: referenceTo(pods, user) };
  const warning = await lastWarning(facts, claim);
  return { text: warning?.message ?? `provisioner ${found.provisioner} has not made its volume` };
}

export async function usersOf({ reader }: Facts, { metadata }: PersistentVolumeClaim): Promise<readonly Pod[]> {
  const all = await reader.list(pods, metadata.namespace);
  return all.filter(
    ({ spec, status }) =>
      !['Succeeded', 'Failed'].includes(status?.phase ?? '') &&
      spec?.volumes?.some(({ persistentVolumeClaim }) => persistentVolumeClaim?.claimName === metadata.name),
  );
}

export async function stuckService(facts: Facts, service: Service): Promise<Finding | undefined> {
  const { spec, status, metadata } = service;
  const selector = spec?.selector ?? {};
  if (spec?.type === 'ExternalName' || Object.keys(selector).length === 0) return undefined;
  const chosen = (await facts.reader.list(pods, metadata.namespace)).filter((pod) =>
    matchesLabels({ matchLabels: selector }, pod.metadata.labels ?? {}),
  );
  const wanted = Object.entries(selector)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
  if (chosen.length === 0)
    return {
      text: `no pod has its labels ${wanted}`,
      fix: { text: 'compare', command: `kubectl get pods -n ${metadata.namespace} --show-labels` },
    };
  const ready = chosen.find(isReady);
  if (!ready) return { text: `none of its ${chosen.length} pods is ready`, next: referenceTo(pods, chosen[0] as Pod) };
  const lost = spec?.ports?.find(({ targetPort }) => typeof targetPort === 'string' && !hasPort(ready, targetPort));
  if (lost) return { text: `no container of pod ${ready.metadata.name} has a port named ${lost.targetPort}` };
  if (spec?.type !== 'LoadBalancer' || status?.loadBalancer?.ingress?.length) return undefined;
  const warning = await lastWarning(facts, service);
  const fix = { text: 'give davit addresses to hand out', command: 'davit up --load-balancer-pool=192.0.2.0/28' };
  return { text: `it has no external address: ${warning?.message ?? 'nobody gives it one'}`, fix };
}

const hasPort = ({ spec }: Pod, name: string): boolean =>
  spec?.containers.some(({ ports }) => ports?.some((port) => port.name === name)) === true;

/** Why pods of a budget cannot be evicted. */
export async function stuckBudget({ reader }: Facts, budget: PodDisruptionBudget): Promise<Finding | undefined> {
  const { status, spec, metadata } = budget;
  if ((status?.disruptionsAllowed ?? 0) > 0 || (status?.expectedPods ?? 0) === 0) return undefined;
  const { currentHealthy = 0, desiredHealthy = 0, expectedPods = 0 } = status ?? {};
  const text = `it allows no eviction: ${currentHealthy} of ${expectedPods} pods are healthy, ${desiredHealthy} must be`;
  const covered = (await reader.list(pods, metadata.namespace)).filter(
    (pod) => spec?.selector && matchesLabels(spec.selector, pod.metadata.labels ?? {}),
  );
  const ill = covered.find((pod) => !pod.metadata.deletionTimestamp && !isReady(pod));
  if (ill) return { text, next: referenceTo(pods, ill) };
  const looser = spec?.maxUnavailable === undefined ? { minAvailable: Math.max(0, currentHealthy - 1) } : { maxUnavailable: 1 };
  return { text, fix: patch('let one pod go', referenceTo(podDisruptionBudgets, budget), { spec: looser }) };
}

/** A node that is not ready, or that is being emptied and does not become empty. */
export async function stuckNode({ reader }: Facts, node: Node): Promise<Finding | undefined> {
  const ready = node.status?.conditions?.find(({ type }) => type === 'Ready');
  if (ready?.status !== 'True') {
    const text = `it is not ready: ${ready?.message ?? 'its node agent has never reported'}`;
    return { text, fix: { text: 'see whether davit’s node agent runs there', command: 'davit status' } };
  }
  if (!node.spec?.unschedulable) return undefined;
  const here = (await reader.list(pods)).filter(({ spec }) => spec?.nodeName === node.metadata.name);
  const budgets = await reader.list(podDisruptionBudgets);
  for (const pod of here) {
    const budget = budgets.find(
      ({ metadata, spec, status }) =>
        metadata.namespace === pod.metadata.namespace &&
        spec?.selector &&
        matchesLabels(spec.selector, pod.metadata.labels ?? {}) &&
        (status?.disruptionsAllowed ?? 0) === 0,
    );
    if (budget) return { text: `pod ${pod.metadata.name} cannot be evicted`, next: referenceTo(podDisruptionBudgets, budget) };
  }
  return {
    text: 'it takes no new pods: somebody has cordoned it',
    fix: { text: 'let it take pods again', command: `kubectl uncordon ${argumentsOf(referenceTo(nodes, node)).replace(/^node /, '')}` },
  };
}

export async function stuckRequest(_: Facts, { metadata, status }: CertificateSigningRequest): Promise<Finding | undefined> {
  const conditions = status?.conditions ?? [];
  const refused = conditions.find(({ type }) => type === 'Denied' || type === 'Failed');
  if (refused) return { text: `it was refused: ${refused.reason}: ${refused.message}` };
  if (status?.certificate) return undefined;
  if (conditions.some(({ type }) => type === 'Approved')) return { text: 'it is approved, and its signer has not signed it' };
  return { text: 'nobody has approved it', fix: { text: 'approve it', command: `kubectl certificate approve ${metadata.name}` } };
}

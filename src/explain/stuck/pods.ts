import { configMaps, nodes, persistentVolumeClaims, pods, secrets, storageClasses as classKind } from '../../api/kubernetes/kinds.ts';
import type { ContainerStatus, Pod } from '../../api/kubernetes/types.generated.ts';
import { lastWarning, patch, referenceTo, type Facts, type Finding } from './finding.ts';
import { isReady } from './workloads.ts';

/** Why a pod is not Ready: no node, a volume, an image, its configuration, its own end, a probe, a gate. */
export async function stuckPod(facts: Facts, pod: Pod): Promise<Finding | undefined> {
  const { status } = pod;
  if (status?.phase === 'Succeeded' || isReady(pod)) return undefined;
  if (status?.phase === 'Failed')
    return { text: `it has failed: ${[status.reason, status.message].filter(Boolean).join(': ') || endOf(pod)}`, fix: removal(pod) };
  if (!pod.spec?.nodeName) return unplaced(facts, pod);
  return (await silentNode(facts, pod)) ?? waitingContainer(pod) ?? (await unmounted(facts, pod)) ?? (await unready(facts, pod));
}

async function unplaced(facts: Facts, pod: Pod): Promise<Finding> {
  const { namespace = '', name = '' } = pod.metadata;
  const claim = await unboundClaim(facts, pod);
  if (claim) return claim;
  const { summary, nodes: refusing, suggestion } = await facts.whyUnplaced({ namespace, name });
  const reasons = [...new Set(refusing.flatMap(({ refusals }) => refusals.flatMap((refusal) => refusal.reasons)))];
  const text = `${summary}${reasons.length > 0 ? `: ${reasons.join('; ')}` : ''}`;
  if (!suggestion || suggestion.fixes.length === 0) return { text };
  const { fixes } = suggestion;
  return { text, fix: { text: fixes.map((fix) => fix.text).join(', '), command: fixes.map((fix) => fix.command).join(' && ') } };
}

/** A claim that waits for its first pod is not what this one waits for. */
async function unboundClaim({ reader }: Facts, { metadata, spec }: Pod): Promise<Finding | undefined> {
  for (const { persistentVolumeClaim } of spec?.volumes ?? []) {
    if (!persistentVolumeClaim) continue;
    const name = persistentVolumeClaim.claimName;
    const claim = await reader.get(persistentVolumeClaims, { namespace: metadata.namespace, name });
    const bound = claim?.status?.phase === 'Bound';
    if (claim && (bound || (await reader.get(classKind, { name: claim.spec?.storageClassName ?? '' })))) continue;
    return {
      text: `its claim ${name} is ${claim ? 'not bound' : 'missing'}`,
      next: { kind: persistentVolumeClaims, namespace: metadata.namespace, name },
    };
  }
  return undefined;
}

async function silentNode({ reader }: Facts, { spec }: Pod): Promise<Finding | undefined> {
  const name = spec?.nodeName ?? '';
  const node = await reader.get(nodes, { name });
  if (!node) return { text: `its node ${name} is gone: it will be taken away` };
  const ready = node.status?.conditions?.find(({ type }) => type === 'Ready');
  return ready && ready.status !== 'True' ? { text: `its node ${name} is not ready`, next: referenceTo(nodes, node) } : undefined;
}

/** The first container that does not get going, init containers first. */
function waitingContainer(pod: Pod): Finding | undefined {
  const statuses = [...(pod.status?.initContainerStatuses ?? []), ...(pod.status?.containerStatuses ?? [])];
  const stuck = statuses.find(
    ({ state }) => state?.waiting && !['ContainerCreating', 'PodInitializing'].includes(state.waiting.reason ?? ''),
  );
  return stuck && reasonOf(pod, stuck);
}

function reasonOf(pod: Pod, { name, image, state, lastState, restartCount }: ContainerStatus): Finding {
  const { reason = '', message = '' } = state?.waiting ?? {};
  const { namespace } = pod.metadata;
  if (/Image/.test(reason))
    return {
      text: `container ${name} has no image ${image}: ${message || reason}`,
      fix: { text: 'have the image here', command: `docker pull ${image}` },
    };
  if (reason === 'CreateContainerConfigError')
    return { text: `container ${name} cannot be configured: ${message}`, ...configFix(namespace, message) };
  const ended = lastState?.terminated;
  const end = ended
    ? `: it ended ${restartCount} times, last with ${ended.reason === 'OOMKilled' ? 'OOMKilled' : `exit code ${ended.exitCode}`}`
    : '';
  const command = `kubectl logs ${pod.metadata.name} -n ${namespace} -c ${name} --previous`;
  return { text: `container ${name} is in ${reason}${end || `: ${message}`}`, fix: { text: 'read its last words', command } };
}

/** ConfigMaps and Secrets that are not there, or lack a key. */
function configFix(namespace: string | undefined, message: string): Pick<Finding, 'fix'> {
  const key = /couldn't find key (\S+) in (ConfigMap|Secret) [^/]+\/(\S+)/.exec(message);
  if (key) {
    const [, wanted = '', kind = '', name = ''] = key;
    const isSecret = kind === 'Secret';
    const body = isSecret ? { stringData: { [wanted]: 'VALUE' } } : { data: { [wanted]: 'VALUE' } };
    return { fix: patch(`give it ${wanted}`, { kind: isSecret ? secrets : configMaps, namespace, name }, body) };
  }
  const [, kind, name] = /(configmap|secret) "([^"]+)" not found/.exec(message) ?? [];
  if (!kind) return {};
  const what = kind === 'secret' ? 'secret generic' : 'configmap';
  return { fix: { text: `make the ${kind}`, command: `kubectl create ${what} ${name} -n ${namespace} --from-literal=KEY=VALUE` } };
}

async function unmounted(facts: Facts, pod: Pod): Promise<Finding | undefined> {
  const isCreating = pod.status?.containerStatuses?.some(({ state }) => state?.waiting) ?? true;
  if (!isCreating) return undefined;
  const warning = await lastWarning(facts, pod, 'FailedMount', 'FailedCreatePodSandBox', 'FailedAttachVolume');
  const message = warning?.message ?? '';
  return warning && { text: `its volumes or sandbox cannot be made: ${message}`, ...configFix(pod.metadata.namespace, message) };
}

async function unready(facts: Facts, pod: Pod): Promise<Finding | undefined> {
  const { name, namespace } = pod.metadata;
  const initializing = pod.status?.initContainerStatuses?.find(({ state, ready }) => !ready && state?.running);
  if (initializing) {
    const command = `kubectl logs ${name} -n ${namespace} -c ${initializing.name}`;
    return { text: `init container ${initializing.name} has not ended yet`, fix: { text: 'read what it does', command } };
  }
  const gate = pod.spec?.readinessGates?.find(
    ({ conditionType }) => !pod.status?.conditions?.some(({ type, status }) => type === conditionType && status === 'True'),
  );
  const silent = pod.status?.containerStatuses?.find(({ ready, state }) => !ready && state?.running);
  if (silent) {
    const warning = await lastWarning(facts, pod, 'Unhealthy');
    const command = `kubectl logs ${name} -n ${namespace} -c ${silent.name}`;
    return {
      text: `container ${silent.name} runs and is not ready: ${warning?.message ?? 'its probe has not succeeded yet'}`,
      fix: { text: 'read its log', command },
    };
  }
  if (gate) return { text: `readiness gate ${gate.conditionType}: whoever sets this condition has not set it to True` };
  return { text: 'it is being started' };
}

const endOf = ({ status }: Pod): string =>
  (status?.containerStatuses ?? [])
    .flatMap(({ name, state }) => (state?.terminated ? [`${name} ended with ${state.terminated.exitCode}`] : []))
    .join(', ');

function removal(pod: Pod): Finding['fix'] {
  const { name, namespace } = referenceTo(pods, pod);
  return { text: 'take it away', command: `kubectl delete pod ${name} -n ${namespace}` };
}

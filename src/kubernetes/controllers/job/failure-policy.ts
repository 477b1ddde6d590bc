import type { ContainerStatus, Job, Pod, PodFailurePolicyRule } from '../../../api/kubernetes/types.generated.ts';

export interface Verdict {
  readonly action: 'Count' | 'Ignore' | 'FailJob' | 'FailIndex';
  /** Why the Job fails, in upstream's words. */
  readonly message: string;
}

const counted: Verdict = { action: 'Count', message: '' };

/** What the first rule that matches says about a failed pod. */
export function judge(job: Job, pod: Pod): Verdict {
  for (const [index, rule] of (job.spec?.podFailurePolicy?.rules ?? []).entries()) {
    const message = matchOf(rule, pod, index);
    if (message !== undefined) return { action: rule.action as Verdict['action'], message };
  }
  return counted;
}

function matchOf(rule: PodFailurePolicyRule, pod: Pod, index: number): string | undefined {
  const where = `${pod.metadata.namespace}/${pod.metadata.name}`;
  const { onExitCodes, onPodConditions = [] } = rule;
  if (onExitCodes) {
    const found = ended(pod).find(
      ({ name, code }) =>
        (onExitCodes.containerName === undefined || onExitCodes.containerName === name) &&
        onExitCodes.values.includes(code) === (onExitCodes.operator === 'In'),
    );
    return (
      found && `Container ${found.name} for pod ${where} failed with exit code ${found.code} matching ${rule.action} rule at index ${index}`
    );
  }
  const matched = onPodConditions.find(({ type, status }) =>
    pod.status?.conditions?.some((condition) => condition.type === type && condition.status === (status ?? 'True')),
  );
  return matched && `Pod ${where} has condition ${matched.type} matching ${rule.action} rule at index ${index}`;
}

/** Containers that ended with anything but 0. */
function ended(pod: Pod): readonly { readonly name: string; readonly code: number }[] {
  const all: readonly ContainerStatus[] = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])];
  return all.flatMap(({ name, state }) =>
    state?.terminated && state.terminated.exitCode !== 0 ? [{ name, code: state.terminated.exitCode }] : [],
  );
}

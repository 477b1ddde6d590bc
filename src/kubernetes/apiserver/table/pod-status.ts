import type { ContainerStatus, Pod } from '../../../api/kubernetes/types.generated.ts';

/** READY, STATUS and RESTARTS of `kubectl get pods`, decided as upstream's printer does. */
export interface PodSummary {
  readonly ready: number;
  readonly total: number;
  readonly status: string;
  readonly restarts: number;
  /** When the last restart was, RFC 3339. */
  readonly lastRestart: string | undefined;
}

export function summarize(pod: Pod): PodSummary {
  const sidecars = new Set((pod.spec?.initContainers ?? []).filter((one) => one.restartPolicy === 'Always').map((one) => one.name));
  const statuses = pod.status?.containerStatuses ?? [];
  const initStatuses = pod.status?.initContainerStatuses ?? [];
  const counted = [...initStatuses.filter((one) => sidecars.has(one.name)), ...statuses];
  const initializing = initReason(pod, sidecars);
  const running = initializing ?? containerReason(pod, statuses);
  const restarting = initializing === undefined ? counted : initStatuses;
  return {
    ready: counted.filter((one) => one.ready).length,
    total: (pod.spec?.containers ?? []).length + sidecars.size,
    status: pod.metadata.deletionTimestamp ? terminating(pod) : running,
    restarts: restarting.reduce((sum, one) => sum + one.restartCount, 0),
    lastRestart: restarting
      .map((one) => one.lastState?.terminated?.finishedAt)
      .filter((one) => one !== undefined)
      .toSorted()
      .at(-1),
  };
}

function terminating(pod: Pod): string {
  return pod.status?.reason === 'NodeLost' ? 'Unknown' : 'Terminating';
}

/** `Init:0/2`, `Init:Error`, …; undefined once initialised. */
function initReason(pod: Pod, sidecars: ReadonlySet<string>): string | undefined {
  const total = (pod.spec?.initContainers ?? []).length;
  for (const [index, one] of (pod.status?.initContainerStatuses ?? []).entries()) {
    const { terminated, waiting } = one.state ?? {};
    if (terminated?.exitCode === 0) continue;
    if (sidecars.has(one.name) && one.started) continue;
    if (terminated) return terminated.reason ? `Init:${terminated.reason}` : exitText('Init:', terminated);
    if (waiting?.reason && waiting.reason !== 'PodInitializing') return `Init:${waiting.reason}`;
    return `Init:${index}/${total}`;
  }
  return undefined;
}

function containerReason(pod: Pod, statuses: readonly ContainerStatus[]): string {
  let reason = pod.status?.reason ?? pod.status?.phase ?? 'Unknown';
  let hasRunning = false;
  for (const { state, ready } of statuses.toReversed()) {
    if (state?.waiting?.reason) reason = state.waiting.reason;
    else if (state?.terminated?.reason) reason = state.terminated.reason;
    else if (state?.terminated) reason = exitText('', state.terminated);
    else if (ready && state?.running) hasRunning = true;
  }
  if (reason === 'Completed' && hasRunning) {
    const isReady = pod.status?.conditions?.some((condition) => condition.type === 'Ready' && condition.status === 'True');
    return isReady ? 'Running' : 'NotReady';
  }
  return reason;
}

function exitText(prefix: string, terminated: { readonly signal?: number; readonly exitCode: number }): string {
  return terminated.signal ? `${prefix}Signal:${terminated.signal}` : `${prefix}ExitCode:${terminated.exitCode}`;
}

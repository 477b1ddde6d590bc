import type { Container, LifecycleHandler, Pod } from '../../../api/kubernetes/types.generated.ts';
import { delay } from '../../../base/abort.ts';
import { KindError } from '../../../base/errors.ts';
import type { Execs } from '../../../engine/containers/execs.ts';
import { httpProbe } from '../probes/run-probe.ts';

export interface HookTarget {
  readonly pod: Pod;
  readonly containerId: string;
  readonly container: Container;
  readonly ip: string;
}

/** Runs a postStart or preStop handler to its end, or throws what kept it from succeeding, in the kubelet's words. */
export async function runHook(handler: LifecycleHandler, target: HookTarget, execs: Pick<Execs, 'run'>, timeoutMs: number): Promise<void> {
  const { containerId, container, pod } = target;
  const where = `for Container "${container.name}" in Pod "${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})" failed - error:`;
  if (handler.sleep) await delay(Math.min(handler.sleep.seconds * 1000, timeoutMs));
  if (handler.exec) {
    const command = handler.exec.command ?? [];
    const { exitCode, output, timedOut } = await execs.run(containerId, { command }, { timeoutMs, maxBytes: 4096 });
    const failure = timedOut
      ? `command '${command.join(' ')}' timed out`
      : exitCode === 0
        ? undefined
        : `command '${command.join(' ')}' exited with ${exitCode}: ${output}, message: ${JSON.stringify(output)}`;
    if (failure)
      throw new KindError(timedOut ? 'canceled' : 'internal', `Exec lifecycle hook ([${command.join(' ')}]) ${where} ${failure}`);
  }
  if (handler.httpGet) {
    const { success, message } = await httpProbe(handler.httpGet, target, timeoutMs);
    if (!success) throw new KindError('internal', `HTTP lifecycle hook (${handler.httpGet.path ?? ''}) ${where} ${message}, message: ""`);
  }
}

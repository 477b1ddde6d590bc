import type { Container, LifecycleHandler } from '../../../api/kubernetes/types.generated.ts';
import { delay } from '../../../base/abort.ts';
import { KindError } from '../../../base/errors.ts';
import type { Execs } from '../../../engine/containers/execs.ts';
import { httpProbe } from '../probes/run-probe.ts';

export interface HookTarget {
  readonly containerId: string;
  readonly container: Container;
  readonly ip: string;
}

/** Runs a postStart or preStop handler to its end, or throws what kept it from succeeding. */
export async function runHook(handler: LifecycleHandler, target: HookTarget, execs: Pick<Execs, 'run'>, timeoutMs: number): Promise<void> {
  if (handler.sleep) await delay(Math.min(handler.sleep.seconds * 1000, timeoutMs));
  if (handler.exec) {
    const command = handler.exec.command ?? [];
    const { exitCode, output, timedOut } = await execs.run(target.containerId, { command }, { timeoutMs, maxBytes: 4096 });
    if (timedOut) throw new KindError('canceled', `Exec lifecycle hook (${JSON.stringify(command)}) timed out`);
    if (exitCode !== 0)
      throw new KindError(
        'internal',
        `Exec lifecycle hook (${JSON.stringify(command)}) failed - error: command '${command.join(' ')}' exited with ${exitCode}: ${output}`,
      );
  }
  if (handler.httpGet) {
    const { success, message } = await httpProbe(handler.httpGet, target, timeoutMs);
    if (!success) throw new KindError('internal', `HTTP lifecycle hook failed: ${message}`);
  }
}

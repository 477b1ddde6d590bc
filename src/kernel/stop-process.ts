import { delay } from '../base/abort.ts';
import { hostStartTime } from './process-facts.ts';

/** SIGTERM, then SIGKILL after the grace; resolves when the process is gone. For the CLI, which is nobody's parent: it has to look. */
export async function stopProcess(pid: number, options: { readonly graceMs: number }): Promise<void> {
  const start = hostStartTime(pid);
  const isGone = (): boolean => start === undefined || hostStartTime(pid) !== start;
  const deadline = performance.now() + options.graceMs;
  if (isGone()) return;
  process.kill(pid, 'SIGTERM');
  while (!isGone() && performance.now() < deadline) await delay(20);
  if (isGone()) return;
  process.kill(pid, 'SIGKILL');
  while (!isGone()) await delay(20);
}

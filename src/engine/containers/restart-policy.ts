import { delayMs } from '../../base/backoff.ts';
import type { Container } from './container.ts';

const backoff = { initialMs: 100, maxMs: 60_000 };
/** Having run this long clears the back-off. */
const stableMs = 10_000;

/** Milliseconds to wait before starting again; undefined: stay down. `failures`: quick exits in a row before this one. */
export function restartDelay(
  container: Pick<Container, 'spec' | 'restartCount' | 'stoppedByUser'>,
  exitCode: number,
  failures: number,
): number | undefined {
  const policy = container.spec.restart;
  if (!policy || policy.name === 'no' || container.stoppedByUser) return undefined;
  if (policy.name === 'on-failure' && (exitCode === 0 || (policy.maximumRetries > 0 && container.restartCount >= policy.maximumRetries)))
    return undefined;
  return delayMs(backoff, failures);
}

export function failuresAfter(failures: number, ranMs: number): number {
  return ranMs >= stableMs ? 0 : failures + 1;
}

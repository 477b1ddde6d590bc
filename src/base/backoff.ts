/** Exponential back-off. `delayMs(0)` = initialMs, doubling up to maxMs. */
export interface Backoff {
  readonly initialMs: number;
  readonly maxMs: number;
}

export function delayMs(backoff: Backoff, failures: number): number {
  return Math.min(backoff.maxMs, backoff.initialMs * 2 ** Math.min(failures, 30));
}

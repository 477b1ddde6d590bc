/** How long a container that keeps ending has to wait, and when that was last decided. Kept in memory, as upstream does. */
export interface CrashBackoff {
  readonly durationMs: number;
  readonly updatedAt: Date;
}

export const crashBackoff = { initialMs: 10_000, maxMs: 300_000 } as const;

/**
 * The first restart is immediate, then 10 s, 20 s … 5 min after each end; a container that ran for
 * more than 10 minutes starts afresh.
 *
 *   end 1 → restart at once (entry 10 s) → end 2 → wait 10 s → restart (entry 20 s) → …
 */
export function nextRestart(
  entry: CrashBackoff | undefined,
  finishedAt: Date,
  now: Date,
): { readonly waitMs: number } | { readonly entry: CrashBackoff } {
  const isFresh = !entry || finishedAt.getTime() - entry.updatedAt.getTime() > 2 * crashBackoff.maxMs;
  if (isFresh) return { entry: { durationMs: crashBackoff.initialMs, updatedAt: now } };
  const waited = now.getTime() - finishedAt.getTime();
  if (waited < entry.durationMs) return { waitMs: entry.durationMs - waited };
  return { entry: { durationMs: Math.min(crashBackoff.maxMs, entry.durationMs * 2), updatedAt: now } };
}

/** `393ms`, `10s`, `2m40.5s`, `1h0m0s`, as Go prints durations. */
export function goDuration(ms: number): string {
  const whole = Math.round(ms);
  if (whole > 0 && whole < 1000) return `${whole}ms`;
  const [hours, minutes] = [Math.floor(whole / 3_600_000), Math.floor(whole / 60_000) % 60];
  const seconds = `${(whole % 60_000) / 1000}s`;
  if (hours > 0) return `${hours}h${minutes}m${seconds}`;
  return minutes > 0 ? `${minutes}m${seconds}` : seconds;
}

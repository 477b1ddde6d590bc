import type { Probe } from '../../../api/kubernetes/types.generated.ts';

export type ProbeKind = 'startup' | 'liveness' | 'readiness';

/** A run of equal outcomes, and the verdict that the thresholds have made of it so far. */
export interface ProbeState {
  readonly verdict: boolean;
  readonly streak: number;
  readonly last: boolean | undefined;
}

/** Before the first verdict a container counts as live, but neither as started nor as ready. */
export function initialState(kind: ProbeKind): ProbeState {
  return { verdict: kind === 'liveness', streak: 0, last: undefined };
}

/** The verdict changes after successThreshold successes or failureThreshold failures in a row. */
export function withOutcome(state: ProbeState, probe: Probe, success: boolean): ProbeState {
  const streak = state.last === success ? state.streak + 1 : 1;
  const threshold = success ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3);
  return { verdict: streak >= threshold ? success : state.verdict, streak, last: success };
}

/**
 * How soon after a failure to look again while a container comes up. These looks between two periods can only
 * bring good news (their failures are not counted), so a pod is ready within moments of its program, not at
 * the next whole period: 100, 200, 400 … ms; exec probes start at 400 ms, since each starts a process.
 */
export function eagerDelayMs(probe: Probe, attempt: number): number {
  const period = (probe.periodSeconds ?? 10) * 1000;
  return Math.min(period, (probe.exec ? 400 : 100) * 2 ** Math.min(attempt, 12));
}

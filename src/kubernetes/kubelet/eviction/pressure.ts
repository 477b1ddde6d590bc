import { signals, type Condition, type Signal, type Threshold } from './thresholds.ts';

/** What the node has of something, in bytes, inodes or processes. */
export interface Observation {
  readonly available: number;
  readonly capacity: number;
}

export type Observations = Readonly<Partial<Record<Signal, Observation>>>;

/** What is remembered from one look to the next. */
export interface PressureState {
  /** Since when a threshold is passed without a break; ms since the epoch. */
  readonly since: ReadonlyMap<Threshold, number>;
  /** When a condition was last borne out. */
  readonly lastTrue: ReadonlyMap<Condition, number>;
}

export const calm: PressureState = { since: new Map(), lastTrue: new Map() };

/** A condition stays for so long after its cause has gone, so that a node does not swing (--eviction-pressure-transition-period). */
export const transitionMs = 5 * 60_000;

export interface Pressure {
  readonly state: PressureState;
  readonly conditions: ReadonlySet<Condition>;
  /** What is to be got back first; undefined: there is enough of all. */
  readonly acute: { readonly threshold: Threshold; readonly observation: Observation } | undefined;
}

/** The verdict about one look at the node. */
export function judge(before: PressureState, thresholds: readonly Threshold[], seen: Observations, now: number): Pressure {
  const passed = thresholds.filter((threshold) => isPassed(threshold, seen[threshold.signal]));
  const since = new Map(passed.map((threshold) => [threshold, before.since.get(threshold) ?? now]));
  const lastTrue = new Map(before.lastTrue);
  for (const { signal } of passed) lastTrue.set(signals[signal].condition, now);
  const conditions = new Set([...lastTrue].filter(([, at]) => now - at < transitionMs).map(([condition]) => condition));
  const due = passed.filter((threshold) => now - (since.get(threshold) ?? now) >= threshold.graceMs);
  const [threshold] = due.toSorted((a, b) => order.indexOf(a.signal) - order.indexOf(b.signal) || a.graceMs - b.graceMs);
  const observation = threshold && seen[threshold.signal];
  return { state: { since, lastTrue }, conditions, acute: threshold && observation && { threshold, observation } };
}

const order = Object.keys(signals);

export function limitIn({ limit }: Threshold, { capacity }: Observation): number {
  return 'value' in limit ? limit.value : limit.share * capacity;
}

function isPassed(threshold: Threshold, observation: Observation | undefined): boolean {
  return observation !== undefined && observation.available < limitIn(threshold, observation);
}

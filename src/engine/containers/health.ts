import type { HealthConfig } from '../../api/oci/image.ts';
import type { Health } from './container.ts';
import type { ExecResult, Execs } from './execs.ts';
import type { ContainerRecord } from './record.ts';

const ms = (nanoseconds: number | undefined, fallback: number): number => (nanoseconds ? nanoseconds / 1e6 : fallback);
const keptResults = 5;
const outputBytes = 4096;

/** Docker's defaults, in milliseconds. */
export function healthTimes(config: HealthConfig): {
  readonly interval: number;
  readonly timeout: number;
  readonly startPeriod: number;
  readonly startInterval: number;
  readonly retries: number;
} {
  return {
    interval: ms(config.Interval, 30_000),
    timeout: ms(config.Timeout, 30_000),
    startPeriod: ms(config.StartPeriod, 0),
    startInterval: ms(config.StartInterval, 5000),
    retries: config.Retries || 3,
  };
}

/** The command of a check; undefined when there is none. */
export function healthCommand(config: HealthConfig | undefined, shell: readonly string[]): readonly string[] | undefined {
  const [kind, ...rest] = config?.Test ?? [];
  if (kind === 'CMD') return rest;
  if (kind === 'CMD-SHELL') return [...shell, ...rest];
  return undefined;
}

/** Health after one more result. Failures inside the start period do not count until the first success. */
export function nextHealth(
  current: Health,
  result: Health['log'][number],
  options: { readonly retries: number; readonly inStartPeriod: boolean },
): Health {
  const log = [...current.log, result].slice(-keptResults);
  if (result.exitCode === 0) return { status: 'healthy', failingStreak: 0, log };
  if (options.inStartPeriod && current.status === 'starting') return { status: 'starting', failingStreak: 0, log };
  const failingStreak = current.failingStreak + 1;
  return { status: failingStreak >= options.retries ? 'unhealthy' : current.status, failingStreak, log };
}

export interface HealthParts {
  readonly execs: Pick<Execs, 'run'>;
  readonly get: (id: string) => ContainerRecord | undefined;
  readonly save: (id: string, health: Health) => Promise<void>;
  readonly publish: (record: ContainerRecord, action: string) => void;
}

/** Runs the checks of all running containers: one timer each, the next one starts when the last has ended. */
export class HealthMonitor {
  readonly #parts: HealthParts;
  readonly #timers = new Map<string, NodeJS.Timeout>();

  constructor(parts: HealthParts) {
    this.#parts = parts;
  }

  start(record: ContainerRecord, config: HealthConfig | undefined): void {
    const command = healthCommand(config, ['/bin/sh', '-c']);
    if (!command || !config) return;
    this.stop(record.id);
    this.#schedule(record, config, command);
  }

  stop(id: string): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
  }

  close(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }

  #schedule(record: ContainerRecord, config: HealthConfig, command: readonly string[]): void {
    const times = healthTimes(config);
    const ranMs = Date.now() - (record.startedAt?.getTime() ?? 0);
    const isStarting = this.#parts.get(record.id)?.health?.status === 'starting' && ranMs < times.startPeriod;
    const timer = setTimeout(
      () => void this.#check(record, config, command, timer),
      isStarting ? Math.min(times.startInterval, times.interval) : times.interval,
    );
    this.#timers.set(record.id, timer);
  }

  async #check(record: ContainerRecord, config: HealthConfig, command: readonly string[], timer: NodeJS.Timeout): Promise<void> {
    const times = healthTimes(config);
    const start = new Date();
    const result = await this.#parts.execs
      .run(record.id, { command }, { timeoutMs: times.timeout, maxBytes: outputBytes })
      .catch((error: unknown): ExecResult => ({ exitCode: -1, output: String(error), timedOut: false }));
    const current = this.#parts.get(record.id);
    // Stopped or started again meanwhile: not ours any more.
    if (!current || current.pid === undefined || this.#timers.get(record.id) !== timer) return;
    const inStartPeriod = start.getTime() - (record.startedAt?.getTime() ?? 0) < times.startPeriod;
    const before = current.health ?? { status: 'starting', failingStreak: 0, log: [] };
    const output = result.timedOut ? `Health check exceeded timeout (${times.timeout}ms)` : result.output;
    const health = nextHealth(
      before,
      { start, end: new Date(), exitCode: result.timedOut ? -1 : result.exitCode, output },
      { retries: times.retries, inStartPeriod },
    );
    await this.#parts.save(record.id, health);
    if (health.status !== before.status) this.#parts.publish(current, `health_status: ${health.status}`);
    if (this.#timers.get(record.id) === timer) this.#schedule(record, config, command);
  }
}

import { messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { Runtime } from '../../kernel/runtime.ts';
import type { ContainerRecord } from '../containers/record.ts';
import { defaultLogLimits, rotateLog } from './rotate-log.ts';

export interface LogRotatorParts {
  readonly runtime: Pick<Runtime, 'reopenLog'>;
  readonly containers: () => readonly ContainerRecord[];
  readonly supervision: (id: string) => string;
  readonly log: Log;
}

/** A log may grow beyond its limit by what is written in this time. */
const lookMs = 1000;

/** Keeps the logs of running containers within their limits: one look at each size per second. */
export class LogRotator implements Disposable {
  readonly #parts: LogRotatorParts;
  readonly #timer: NodeJS.Timeout;

  constructor(parts: LogRotatorParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => this.look(), lookMs);
  }

  look(): void {
    const { containers, runtime, supervision, log } = this.#parts;
    for (const { id, pid, logPath, spec } of containers()) {
      if (pid === undefined || logPath === undefined) continue;
      try {
        rotateLog(logPath, spec.logLimits ?? defaultLogLimits, () => runtime.reopenLog(supervision(id)));
      } catch (error) {
        log.warn({ container: id, error: messageOf(error) }, 'log could not be rotated');
      }
    }
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}

interface Heartbeat {
  readonly renewTime: string;
  /** When this process saw it; the node's clock is not trusted. */
  readonly seenAt: number;
  /** When it is looked at again at the latest. */
  readonly lookAt: number;
}

/** A look that comes so much later than ordered tells of this process's own silence, or of a clock that jumped. */
const lateMs = 5000;

/** For how long each node has said nothing, as far as this process was there to hear it. */
export class Silence {
  readonly #graceMs: number;
  #heartbeats = new Map<string, Heartbeat>();

  constructor(graceMs: number) {
    this.#graceMs = graceMs;
  }

  /** In ms. The caller looks again when the grace period is over, if not before. Times in ms since the epoch. */
  of(name: string, renewTime: string, now: number): number {
    const known = this.#heartbeats.get(name);
    if (known && now > known.lookAt + lateMs) this.#startAgain(now);
    const seenAt = known?.renewTime === renewTime ? (this.#heartbeats.get(name)?.seenAt ?? now) : now;
    const silentMs = now - seenAt;
    const lookAt = silentMs < this.#graceMs ? seenAt + this.#graceMs : Infinity;
    this.#heartbeats.set(name, { renewTime, seenAt, lookAt });
    return silentMs;
  }

  forget(name: string): void {
    this.#heartbeats.delete(name);
  }

  /** Everybody gets the whole grace period once more. */
  #startAgain(now: number): void {
    const all = [...this.#heartbeats].map(
      ([name, { renewTime }]) => [name, { renewTime, seenAt: now, lookAt: now + this.#graceMs }] as const,
    );
    this.#heartbeats = new Map(all);
  }
}

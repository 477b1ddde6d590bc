/** A container cannot be started for now: what its status says while it waits, and when to try again. */
export class ContainerWaits extends Error {
  readonly reason: string;
  readonly retryAfterMs: number | undefined;

  constructor(reason: string, message: string, retryAfterMs?: number) {
    super(message);
    this.name = 'ContainerWaits';
    this.reason = reason;
    this.retryAfterMs = retryAfterMs;
  }
}

/** What happened, told after it happened: events announce, never steer. */
export interface Events {
  publish(event: Omit<EngineEvent, 'time'>): void;
  /** Past events (the newest 1,000 are kept) from `since` on, then live ones until the signal aborts or `until` is reached. */
  stream(options: { readonly since?: Date; readonly until?: Date }, signal: AbortSignal): AsyncIterable<EngineEvent>;
}

export interface EngineEvent {
  readonly type: 'container' | 'image' | 'network' | 'volume' | 'builder' | 'daemon';
  /** Docker's words: create, start, die, kill, stop, restart, destroy, attach, exec_create: cmd, oom, health_status: healthy, pull, tag, untag, delete, mount, connect … */
  readonly action: string;
  /** ID (containers, networks), name (volumes) or reference (images). */
  readonly id: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly time: Date;
}

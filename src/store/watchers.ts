import type { Keyspace } from './keyspace.ts';
import type { Change, WatchOptions } from './store.ts';

interface Watcher {
  readonly prefix: string;
  /** Everything up to this revision was handed out or does not concern it. */
  cursor: number;
  /** Whether there is something for it after the cursor. */
  dirty: boolean;
  wake: (() => void) | undefined;
}

/**
 * Watchers hold a position in the history, not a queue: a slow one costs nothing and holds nobody,
 * until history is compacted past its position and it ends with `expired`.
 */
export class Watchers {
  readonly #watchers = new Set<Watcher>();
  readonly #keyspace: Keyspace;
  #closed = false;

  constructor(keyspace: Keyspace) {
    this.#keyspace = keyspace;
  }

  async *watch(prefix: string, { after, progress }: WatchOptions, signal: AbortSignal): AsyncGenerator<readonly Change[], void, undefined> {
    const watcher: Watcher = { prefix, cursor: after, dirty: true, wake: undefined };
    const wake = (): void => watcher.wake?.();
    this.#watchers.add(watcher);
    // It waits here only when the reader came back for more.
    progress?.(() => (watcher.wake && !watcher.dirty ? watcher.cursor : undefined));
    signal.addEventListener('abort', wake);
    try {
      while (!signal.aborted && !this.#closed) {
        if (watcher.dirty) {
          const changes = this.#keyspace.changesAfter(watcher.cursor, prefix);
          watcher.cursor = Math.max(watcher.cursor, this.#keyspace.revision);
          watcher.dirty = false;
          if (changes.length > 0) yield changes;
          continue;
        }
        await new Promise<void>((resolve) => {
          watcher.wake = resolve;
        });
        watcher.wake = undefined;
      }
    } finally {
      signal.removeEventListener('abort', wake);
      this.#watchers.delete(watcher);
    }
  }

  /** Called after the keyspace applied the changes of one revision. */
  notify(changes: readonly Change[]): void {
    for (const watcher of this.#watchers) {
      if (watcher.dirty) continue;
      if (!changes.some((change) => change.entry.key.startsWith(watcher.prefix))) {
        watcher.cursor = Math.max(watcher.cursor, this.#keyspace.revision);
        continue;
      }
      watcher.dirty = true;
      watcher.wake?.();
    }
  }

  /** Called after the keyspace was replaced: who has not seen everything before ends with `expired`. */
  notifyAll(): void {
    for (const watcher of this.#watchers) {
      watcher.dirty = true;
      watcher.wake?.();
    }
  }

  close(): void {
    this.#closed = true;
    for (const watcher of this.#watchers) watcher.wake?.();
  }
}

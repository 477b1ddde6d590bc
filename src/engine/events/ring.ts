import { KindError } from '../../base/errors.ts';
import { Pushable } from '../../base/pushable.ts';
import type { EngineEvent, Events } from './events.ts';

const kept = 1000;
/** A listener that leaves this many unread is let go: it would take memory for ever. */
const mostWaiting = 10_000;

/** Events in memory: a ring of the newest 1,000 and a queue for every listener. */
export function createEvents(now: () => Date = () => new Date()): Events {
  const past: EngineEvent[] = [];
  const listeners = new Set<Pushable<EngineEvent>>();
  return {
    publish(event) {
      const stamped: EngineEvent = { ...event, time: now() };
      past.push(stamped);
      if (past.length > kept) past.shift();
      for (const listener of listeners) {
        if (listener.size < mostWaiting) listener.push(stamped);
        else if (listeners.delete(listener))
          listener.fail(new KindError('unavailable', 'events: the reader is too slow; ask again with since'));
      }
    },

    async *stream({ since, until }, signal) {
      const live = new Pushable<EngineEvent>();
      const end = (): void => live.end();
      // Without `since` only what happens from now on is told (unless a past `until` asks for history).
      const from = since ?? (until && until <= now() ? new Date(0) : undefined);
      if (from) for (const event of past) if (event.time >= from) live.push(event);
      listeners.add(live);
      signal.addEventListener('abort', end, { once: true });
      if (signal.aborted) end();
      const timer = until ? setTimeout(end, Math.max(0, until.getTime() - now().getTime())) : undefined;
      try {
        for await (const event of live) {
          if (until && event.time > until) return;
          yield event;
        }
      } finally {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        listeners.delete(live);
      }
    },
  };
}

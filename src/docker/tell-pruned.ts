import type { Engine } from '../engine/engine.ts';
import type { EngineEvent } from '../engine/events/events.ts';

/** What a prune has freed is told once, after what it removed. */
export function tellPruned({ events }: Pick<Engine, 'events'>, type: EngineEvent['type'], bytes: number): void {
  events.publish({ type, action: 'prune', id: '', attributes: { reclaimed: String(bytes) } });
}

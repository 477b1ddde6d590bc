import { seconds } from '../../api/docker/time.ts';
import type { EngineEvent } from '../../engine/events/events.ts';

/** One line of `GET /events`. Containers and images carry the older `status`, `id`, `from` besides. */
export function eventMessage(event: EngineEvent) {
  const legacy = event.type === 'container' || event.type === 'image';
  const from = event.attributes['image'];
  return {
    ...(legacy ? { status: event.action, ...(event.id ? { id: event.id } : {}), ...(from ? { from } : {}) } : {}),
    Type: event.type,
    Action: event.action,
    Actor: { ID: event.id, Attributes: event.attributes },
    scope: 'local',
    time: seconds(event.time),
    timeNano: event.time.getTime() * 1_000_000,
  };
}

import { anyOf, type Filters } from '../api/docker/filters.ts';
import type { EngineEvent } from '../engine/events/events.ts';

export function eventMatches(event: EngineEvent, filters: Filters): boolean {
  return (
    anyOf(filters, 'event', (action) => event.action === action || event.action.startsWith(`${action}:`)) &&
    anyOf(filters, 'scope', (scope) => scope === 'local') &&
    anyOf(filters, 'container', (name) => isOf(event, 'container', name)) &&
    anyOf(filters, 'network', (name) => isOf(event, 'network', name)) &&
    anyOf(filters, 'volume', (name) => isOf(event, 'volume', name)) &&
    anyOf(filters, 'image', (name) => isImage(event, name)) &&
    (filters.get('label') ?? []).every((label) => hasLabel(event, label)) &&
    ['plugin', 'service', 'node', 'secret', 'config', 'daemon'].every((foreign) => anyOf(filters, foreign, () => event.type === foreign))
  );
}

/** By ID, the beginning of one, or name. */
function isOf(event: EngineEvent, type: EngineEvent['type'], wanted: string): boolean {
  if (event.type !== type) return false;
  return event.id.startsWith(wanted) || event.attributes['name'] === wanted.replace(/^\//, '');
}

/** The image itself, or containers of it; `nginx` also means `nginx:1.27`. */
function isImage(event: EngineEvent, wanted: string): boolean {
  const names = [
    event.type === 'image' ? event.id : '',
    event.attributes['image'] ?? '',
    event.type === 'image' ? (event.attributes['name'] ?? '') : '',
  ];
  return names.some(
    (name) =>
      name !== '' && (name === wanted || name.replace(/:[^:/]*$/, '') === wanted || name.replace(/^sha256:/, '').startsWith(wanted)),
  );
}

function hasLabel(event: EngineEvent, label: string): boolean {
  const at = label.indexOf('=');
  return at < 0 ? label in event.attributes : event.attributes[label.slice(0, at)] === label.slice(at + 1);
}

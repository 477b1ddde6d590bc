import { anyOf, parseFilters } from '../../api/docker/filters.ts';
import { parseTime } from '../../api/docker/time.ts';
import type { Call } from '../call.ts';
import { eventMessage } from '../encode/event.ts';
import { eventMatches } from '../filter-events.ts';
import type { Route } from '../router.ts';

export const eventRoutes: readonly Route[] = [{ method: 'GET', pattern: '/events', handle: events }];

async function events(call: Call): Promise<void> {
  // As dockerd: filters that nobody knows choose nothing away.
  const filters = parseFilters(call.query.get('filters'), undefined);
  const until = parseTime('until', call.query.get('until'));
  const since = parseTime('since', call.query.get('since'));
  const stream = call.engine.events.stream({ since, until }, call.signal);
  call.reply.begin('application/json');
  for await (const event of stream) {
    if (anyOf(filters, 'type', (type) => type === event.type) && eventMatches(event, filters)) {
      await call.reply.write(`${JSON.stringify(eventMessage(event))}\n`);
    }
  }
  call.reply.end();
}

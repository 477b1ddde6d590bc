import type { Answer, Question } from 'dns-packet';
import type { Zone } from './zone.ts';

/** `forward`: not ours, ask the host's resolvers. */
export type Resolution =
  | { readonly kind: 'forward' }
  | { readonly kind: 'answer'; readonly rcode: 'NOERROR' | 'NXDOMAIN'; readonly answers: readonly Answer[] };

/** Seconds, as the cluster DNS of Kubernetes hands out. */
const ttl = 5;

/** Answers one question from the zone. A known name without records of the asked type is NOERROR with no answers (RFC 2308 NODATA). */
export function resolve(zone: Zone, question: Question): Resolution {
  const name = question.name.toLowerCase().replace(/\.$/, '');
  const isOurs = name === zone.domain || name.endsWith(`.${zone.domain}`);
  if (!isOurs && !(question.type === 'PTR' && zone.names.has(name))) return { kind: 'forward' };
  const alias = zone.aliases.get(name);
  if (alias !== undefined) return found([{ type: 'CNAME', name: question.name, ttl, data: alias }]);
  const answers = recordsOf(zone, question, name);
  if (answers.length > 0 || zone.known.has(name) || name === zone.domain) return found(answers);
  return { kind: 'answer', rcode: 'NXDOMAIN', answers: [] };
}

function recordsOf(zone: Zone, question: Question, name: string): Answer[] {
  switch (question.type) {
    case 'A':
      return shuffled(zone.addresses.get(name) ?? []).map((data) => ({ type: 'A', name: question.name, ttl, data }));
    case 'SRV':
      return (zone.services.get(name) ?? []).map(({ port, target }) => ({
        type: 'SRV',
        name: question.name,
        ttl,
        data: { port, target, priority: 0, weight: 100 },
      }));
    case 'PTR': {
      const data = zone.names.get(name);
      return data === undefined ? [] : [{ type: 'PTR', name: question.name, ttl, data }];
    }
    default:
      return [];
  }
}

function found(answers: readonly Answer[]): Resolution {
  return { kind: 'answer', rcode: 'NOERROR', answers };
}

/** Round robin by chance: the order of addresses spreads clients that take the first. */
function shuffled(items: readonly string[]): readonly string[] {
  const start = Math.floor(Math.random() * items.length);
  return [...items.slice(start), ...items.slice(0, start)];
}

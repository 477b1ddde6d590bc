import { isIPv4 } from 'node:net';
import type { Answer, Question, StringAnswer } from 'dns-packet';
import type { Zone } from './zone.ts';

/** `forward`: not ours, ask other resolvers. `chase`: an alias of ours whose target they know. */
export type Resolution =
  | { readonly kind: 'forward' }
  | { readonly kind: 'chase'; readonly answers: readonly Answer[]; readonly target: string }
  | {
      readonly kind: 'answer';
      readonly rcode: 'NOERROR' | 'NXDOMAIN';
      readonly answers: readonly Answer[];
      readonly authorities: readonly Answer[];
      readonly additionals: readonly Answer[];
    };

/** Seconds, as the cluster DNS of Kubernetes hands out. */
export const answerTtl = 5;
const ttl = answerTtl;
const longestChain = 8;

/** Answers one question from the zone. A known name without records of the asked type is NOERROR with no answers (RFC 2308 NODATA). */
export function resolve(zone: Zone, question: Question): Resolution {
  const answers: Answer[] = [];
  let name = normal(question.name);
  let owner = question.name;
  for (let step = 0; step < longestChain; step += 1) {
    if (!isOurs(zone, name, question.type)) return answers.length === 0 ? { kind: 'forward' } : { kind: 'chase', answers, target: name };
    const alias = zone.aliases.get(name);
    if (alias === undefined) break;
    answers.push({ type: 'CNAME', name: owner, ttl, data: alias });
    if (question.type === 'CNAME') return positive(zone, answers);
    owner = alias;
    name = normal(alias);
  }
  const own = recordsOf(zone, question, name, owner);
  if (own.length > 0) return positive(zone, [...answers, ...own]);
  const exists = answers.length > 0 || zone.known.has(name) || name === zone.domain || podAddress(zone, name) !== undefined;
  return { kind: 'answer', rcode: exists ? 'NOERROR' : 'NXDOMAIN', answers, authorities: [authority(zone)], additionals: [] };
}

function isOurs(zone: Zone, name: string, type: Question['type']): boolean {
  return name === zone.domain || name.endsWith(`.${zone.domain}`) || (type === 'PTR' && zone.names.has(name));
}

function normal(name: string): string {
  return name.toLowerCase().replace(/\.$/, '');
}

function recordsOf(zone: Zone, question: Question, name: string, owner: string): readonly Answer[] {
  switch (question.type) {
    case 'A':
      return addressesOf(zone, name, owner);
    case 'SRV':
      return (zone.services.get(name) ?? []).map(({ port, target }) => ({
        type: 'SRV',
        name: owner,
        ttl,
        data: { port, target, priority: 0, weight: 100 },
      }));
    case 'PTR': {
      const data = zone.names.get(name);
      return data === undefined ? [] : [{ type: 'PTR', name: owner, ttl, data }];
    }
    case 'TXT':
      return name === `dns-version.${zone.domain}` ? [{ type: 'TXT', name: owner, ttl, data: '1.1.0' }] : [];
    case 'SOA':
      return name === zone.domain ? [authority(zone)] : [];
    case 'NS':
      return name === zone.domain ? [{ type: 'NS', name: owner, ttl, data: `ns.dns.${zone.domain}` }] : [];
    default:
      return [];
  }
}

function addressesOf(zone: Zone, name: string, owner: string): readonly StringAnswer[] {
  const pod = podAddress(zone, name);
  return shuffled(pod === undefined ? (zone.addresses.get(name) ?? []) : [pod]).map((data) => ({ type: 'A', name: owner, ttl, data }));
}

/** `10-244-0-7.default.pod.cluster.local` is 10.244.0.7, whether there is such a pod or not, as CoreDNS does by default on clusters. */
function podAddress(zone: Zone, name: string): string | undefined {
  if (!name.endsWith(`.pod.${zone.domain}`)) return undefined;
  const [first = '', ...namespace] = name.slice(0, -`.pod.${zone.domain}`.length).split('.');
  const address = first.replaceAll('-', '.');
  return namespace.length === 1 && isIPv4(address) ? address : undefined;
}

/** How long an answer that there is nothing may be kept (RFC 2308): `minimum`. */
function authority(zone: Zone): Answer {
  const data = {
    mname: `ns.dns.${zone.domain}`,
    rname: `hostmaster.${zone.domain}`,
    serial: 1,
    refresh: 7200,
    retry: 1800,
    expire: 86_400,
    minimum: ttl,
  };
  return { type: 'SOA', name: zone.domain, ttl, data };
}

function positive(zone: Zone, answers: readonly Answer[]): Resolution {
  const targets = new Set(answers.flatMap((answer) => (answer.type === 'SRV' ? [answer.data.target] : [])));
  const additionals = [...targets].flatMap((target) => addressesOf(zone, target, target));
  return { kind: 'answer', rcode: 'NOERROR', answers, authorities: [], additionals };
}

/** Round robin by chance: the order of addresses spreads clients that take the first. */
function shuffled(items: readonly string[]): readonly string[] {
  const start = Math.floor(Math.random() * items.length);
  return start === 0 ? items : [...items.slice(start), ...items.slice(0, start)];
}

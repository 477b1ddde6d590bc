import { decode, encode } from 'dns-packet';
import type { Firewall } from '../kernel/firewall.ts';
import { listeners, type Listener } from '../kernel/listeners.ts';
import type { Link, Links } from '../kernel/links.ts';
import type { Namespaces } from '../kernel/namespaces.ts';
import { askDatagram, tryConnect, tryPing, type ConnectResult } from '../kernel/probe.ts';
import type { ContainerFacts } from './docker-facts.ts';
import type { HostView } from './host-path.ts';
import { parseRelay, relayTable } from './relay-table.ts';
import { parseRules } from './rule-set.ts';

export interface ExplainKernel {
  readonly links: Pick<Links, 'list' | 'routes'>;
  readonly firewall: Pick<Firewall, 'saveCounted' | 'nftTable'>;
  readonly namespaces: Pick<Namespaces, 'inNetwork'>;
}

/** The host as packets see it. */
export async function readHost({ links, firewall }: ExplainKernel): Promise<HostView> {
  const [four, six, relay] = await Promise.all([firewall.saveCounted(4), firewall.saveCounted(6), firewall.nftTable('ip6', relayTable)]);
  return { links: links.list(), routes: links.routes(), rules: { 4: parseRules(four), 6: parseRules(six) }, relay: parseRelay(relay) };
}

/** A place that connections begin or end at. */
export interface Place {
  /** `/proc/<pid>/ns/net`; undefined: the host. */
  readonly namespace: string | undefined;
  readonly links: readonly Link[];
}

export function placeOf({ links }: ExplainKernel, container: ContainerFacts | undefined): Place {
  const namespace = container && container.networkMode !== 'host' && container.pid > 0 ? `/proc/${container.pid}/ns/net` : undefined;
  return { namespace, links: links.list(namespace) };
}

export function listenersAt({ namespaces }: ExplainKernel, { namespace }: Place, protocol: 'tcp' | 'udp'): readonly Listener[] {
  return namespace === undefined ? listeners(protocol) : namespaces.inNetwork(namespace, () => listeners(protocol));
}

/** What the embedded name service says inside; `silent` when it does not answer. */
export async function askName({ namespace }: Place, name: string): Promise<readonly string[] | 'silent'> {
  const question = encode({ type: 'query', id: 4711, flags: 0x100, questions: [{ type: 'A', name }] });
  const answer = await askDatagram(namespace, '127.0.0.11', 53, question, 1500);
  if (!answer) return 'silent';
  return (decode(answer).answers ?? []).flatMap((each) => (each.type === 'A' ? [each.data] : []));
}

export interface Trace {
  readonly result: ConnectResult;
  /** Rules that met more packets afterwards than before, most telling last. */
  readonly met: readonly string[];
}

/** A real attempt, with the rules' packet counters read before and after: what moved is what the packet met. */
export async function trace(kernel: ExplainKernel, { namespace }: Place, address: string, port: number): Promise<Trace> {
  const before = await readHost(kernel);
  const result = await tryConnect(namespace, address, port, 1500);
  const after = await readHost(kernel);
  const family = address.includes(':') ? 6 : 4;
  const met = [...after.rules[family].chains].flatMap(([chain, { rules }]) => {
    const old = before.rules[family].chains.get(chain)?.rules ?? [];
    return rules.flatMap((rule, index) =>
      (rule.packets ?? 0) > (old[index]?.packets ?? 0) && old[index]?.text === rule.text ? [rule.text] : [],
    );
  });
  return { result, met };
}

export function pingFull({ namespace }: Place, address: string, bytes: number): Promise<boolean> {
  return tryPing(namespace, address, bytes, 1000);
}

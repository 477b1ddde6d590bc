import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket as TcpSocket } from 'node:net';
import { decode, type Answer, type Packet } from 'dns-packet';
import { messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { bindSocketPair } from '../../kernel/socket-pair.ts';
import { parseResolvConf } from '../containers/host-files.ts';
import type { HostFacts } from '../host-facts.ts';
import { DnsAnswers } from './dns-answers.ts';
import { framed, framesOf } from './dns-frames.ts';
import { rcode, renderReply, type ReplyParts } from './dns-message.ts';
import { DnsNames } from './dns-names.ts';
import { DnsUpstream } from './dns-upstream.ts';
import type { Fabric } from './fabric.ts';
import type { Owner } from './live-owner.ts';

interface OwnerServer {
  readonly udp: Socket;
  readonly tcp: Server;
}

/** What holds until a network or an endpoint changes. */
interface Names {
  readonly revision: number;
  readonly index: DnsNames;
  readonly answers: DnsAnswers;
}

export interface DnsParts {
  readonly kernel: Pick<Kernel, 'firewall' | 'namespaces'>;
  readonly host: Pick<HostFacts, 'resolvConf'>;
  readonly fabric: Fabric;
  /** Servers that the container asked for instead of the host's. */
  readonly serversOf: (ownerId: string) => readonly string[];
  readonly log: Log;
}

export const dnsAddress = '127.0.0.11';
/** Seconds that a name of ours holds. */
const ttl = 600;
/** TCP connections of one container at a time. */
const connectionLimit = 50;

/**
 * Name service of user-defined networks: two sockets of this process that live in the container's network namespace.
 * Port 53 stays free for a name server of the container's own; questions to it are translated on their way out.
 *
 *   127.0.0.1 ─► 127.0.0.11:53 ─(nft, inside)─► 127.0.0.11:<port>   no packet leaves the namespace, no rule of the host is met
 */
export class EmbeddedDns implements AsyncDisposable {
  readonly #parts: DnsParts;
  readonly #servers = new Map<string, OwnerServer>();
  readonly #connections = new Map<TcpSocket, string>();
  readonly #upstream = new DnsUpstream();
  #names: Names | undefined;
  #turn = 0;

  constructor(parts: DnsParts) {
    this.#parts = parts;
    parts.fabric.onGone((ownerId) => this.#release(ownerId));
  }

  /** Makes 127.0.0.11 answer inside the owner's namespace; a second time it is harmless. Ends with the owner's last endpoint. */
  async serve(owner: Pick<Owner, 'id' | 'netnsPath'>): Promise<void> {
    if (this.#servers.has(owner.id)) return;
    const { kernel } = this.#parts;
    const pair = kernel.namespaces.inNetwork(owner.netnsPath, () => bindSocketPair(dnsAddress));
    const udp = createSocket('udp4');
    const tcp = createServer((connection) => void this.#answerTcp(connection, owner.id));
    this.#servers.set(owner.id, { udp, tcp });
    udp.on('message', (packet, from) => this.#answerUdp(udp, packet, from, owner.id));
    for (const server of [udp, tcp]) {
      server.on('error', (error: Error) => this.#parts.log.warn({ container: owner.id, error: messageOf(error) }, 'embedded DNS'));
    }
    // A descriptor that is bound already listens at once.
    const listening = [once(udp, 'listening'), once(tcp, 'listening')];
    udp.bind({ fd: pair.udp });
    tcp.listen({ fd: pair.tcp });
    const rules = kernel.namespaces.inNetwork(owner.netnsPath, () => kernel.firewall.nft(renderDnsRules(pair.port)));
    await Promise.all([rules, ...listening]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#upstream[Symbol.dispose]();
    for (const ownerId of this.#servers.keys()) this.#release(ownerId);
  }

  /** The sockets would keep the namespace alive. */
  #release(ownerId: string): void {
    const server = this.#servers.get(ownerId);
    if (!server) return;
    this.#servers.delete(ownerId);
    server.udp.close();
    server.tcp.close();
    for (const [connection, id] of this.#connections) if (id === ownerId) connection.destroy();
  }

  #answerUdp(udp: Socket, packet: Buffer, from: { readonly port: number; readonly address: string }, ownerId: string): void {
    const send = (answer: Buffer | undefined): void => {
      if (answer && this.#servers.get(ownerId)?.udp === udp) udp.send(answer, from.port, from.address, () => undefined);
    };
    const answer = this.#answer(packet, ownerId, 'udp');
    if (answer instanceof Promise) void answer.then(send);
    else send(answer);
  }

  async #answerTcp(connection: TcpSocket, ownerId: string): Promise<void> {
    if ([...this.#connections.values()].filter((id) => id === ownerId).length >= connectionLimit) return void connection.destroy();
    this.#connections.set(connection, ownerId);
    connection.on('error', () => undefined);
    connection.setTimeout(10_000, () => connection.destroy());
    try {
      for await (const packet of framesOf(connection)) {
        const answer = await this.#answer(packet, ownerId, 'tcp');
        if (answer) connection.write(framed(answer));
      }
    } catch {
      connection.destroy();
    } finally {
      this.#connections.delete(connection);
    }
    return undefined;
  }

  /** At once for names of ours; what is no query gets no answer. */
  #answer(packet: Buffer, ownerId: string, protocol: 'udp' | 'tcp'): Buffer | undefined | Promise<Buffer | undefined> {
    const { answers } = this.#current();
    const asker = `${protocol} ${ownerId}`;
    const known = answers.find(asker, packet);
    if (known) return known;
    const query = decodeQuery(packet);
    if (!query) return undefined;
    const parts = this.#resolve(query, ownerId);
    if (parts instanceof Promise) return parts.then((later) => renderReply(query, later, protocol));
    const answer = renderReply(query, parts, protocol);
    // Of several addresses each comes first in turn.
    if ((parts.answers?.length ?? 0) < 2 && parts.code !== rcode.serverFailure) answers.keep(asker, packet, answer);
    return answer;
  }

  #resolve(query: Packet, ownerId: string): ReplyParts | Promise<ReplyParts> {
    const { fabric, host, serversOf } = this.#parts;
    const [question] = query.questions ?? [];
    const client = fabric.live.get(ownerId);
    if (!question || !client) return { code: rcode.refused };
    const { name, type } = question;
    const found = this.#current().index.lookup({ name, type }, client.endpoints, this.#turn++);
    if (found.kind === 'absent') return { code: rcode.nameError };
    if (found.kind === 'name') return { answers: [{ type: 'PTR', name, ttl, data: found.name }] };
    if (found.kind === 'addresses') return { answers: addressRecords(name, type, found) };
    // Whoever has only internal networks is not to reach anything outside, not even by questions.
    const leadsOut = client.endpoints.some(({ networkId }) => fabric.networks.get(networkId)?.internal === false);
    if (!leadsOut) return { code: rcode.serverFailure };
    const own = serversOf(ownerId);
    return this.#upstream.ask(query, own.length > 0 ? own : parseResolvConf(host.resolvConf()).servers);
  }

  #current(): Names {
    const { fabric } = this.#parts;
    if (this.#names?.revision !== fabric.revision) {
      const index = new DnsNames(fabric.networks, fabric.live.values());
      this.#names = { revision: fabric.revision, index, answers: new DnsAnswers() };
    }
    return this.#names;
  }
}

function addressRecords(
  name: string,
  type: string,
  found: { readonly ipv4: readonly string[]; readonly ipv6: readonly string[] },
): readonly Answer[] {
  if (type === 'A') return found.ipv4.map((data) => ({ type, name, ttl, data }));
  if (type === 'AAAA') return found.ipv6.map((data) => ({ type, name, ttl, data }));
  return [];
}

function decodeQuery(packet: Buffer): Packet | undefined {
  try {
    const query = decode(packet);
    return query.type === 'query' ? query : undefined;
  } catch {
    return undefined;
  }
}

/** The table inside the namespace, whole: made again it is replaced. */
export function renderDnsRules(port: number): string {
  const rule = (protocol: string): string => `    ip daddr ${dnsAddress} ${protocol} dport 53 dnat to ${dnsAddress}:${port}`;
  return [
    'add table ip davit_dns',
    'delete table ip davit_dns',
    'table ip davit_dns {',
    '  chain output {',
    '    type nat hook output priority -100; policy accept;',
    rule('udp'),
    rule('tcp'),
    '  }',
    '}',
    '',
  ].join('\n');
}

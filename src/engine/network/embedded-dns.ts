import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type Server, type Socket as TcpSocket } from 'node:net';
import { decode, encode, type Packet } from 'dns-packet';
import { messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import { parseResolvConf } from '../containers/host-files.ts';
import type { HostFacts } from '../host-facts.ts';
import { forward, framed, framesOf } from './dns-forward.ts';
import { clientOf, lookup } from './dns-names.ts';
import type { Fabric } from './fabric.ts';
import type { NetworkRecord } from './network-record.ts';

interface BridgeServer {
  readonly udp: Socket;
  readonly tcp: Server;
  readonly port: number;
}

export interface DnsParts {
  readonly kernel: Kernel;
  readonly host: HostFacts;
  readonly fabric: Fabric;
  readonly isPredefined: (networkId: string) => boolean;
  readonly log: Log;
}

/**
 * Name service of user-defined networks. Inside the container's network namespace 127.0.0.11:53 is translated to a private
 * port on its bridge's gateway, where one server per bridge answers; who asks is known by the source address.
 *
 *   127.0.0.1 ─► 127.0.0.11:53 ─(DNAT, masquerade inside)─► 172.18.0.2 ─► 172.18.0.1:<port>
 */
export class EmbeddedDns implements AsyncDisposable {
  readonly #parts: DnsParts;
  readonly #servers = new Map<string, Promise<BridgeServer>>();
  readonly #connections = new Set<TcpSocket>();
  readonly #closing = new AbortController();

  constructor(parts: DnsParts) {
    this.#parts = parts;
  }

  /** Makes 127.0.0.11 answer inside the namespace; repeating it refreshes the port. */
  async serve(netnsPath: string, network: NetworkRecord): Promise<void> {
    const { kernel, host } = this.#parts;
    if (!network.gateway) return;
    const { port } = await this.#serverAt(network.gateway);
    const save = await kernel.processes.run(['nsenter', `--net=${netnsPath}`, 'iptables-save', '-t', 'nat']);
    const rules = renderDnsRules(network.gateway, port, { withJumps: !save.stdout.includes('-j DOCKER_OUTPUT') });
    const { exitCode, stderr } = await kernel.processes.run(['nsenter', `--net=${netnsPath}`, 'iptables-restore', '--noflush', '--wait'], {
      stdin: rules,
    });
    if (exitCode !== 0) throw new Error(`rules for 127.0.0.11: ${stderr.trim()}`);
    kernel.namespaces.inNetwork(netnsPath, () => host.setSysctl('net.ipv4.conf.all.route_localnet', '1'));
  }

  /** The bridge is about to go. */
  async release(gateway: string): Promise<void> {
    const server = this.#servers.get(gateway);
    this.#servers.delete(gateway);
    const { udp, tcp } = (await server?.catch(() => undefined)) ?? {};
    udp?.close();
    tcp?.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    for (const connection of this.#connections) connection.destroy();
    await Promise.all(Array.from(this.#servers.keys(), (gateway) => this.release(gateway)));
  }

  #serverAt(gateway: string): Promise<BridgeServer> {
    const existing = this.#servers.get(gateway);
    if (existing) return existing;
    const made = this.#listen(gateway);
    this.#servers.set(gateway, made);
    made.catch(() => this.#servers.delete(gateway));
    return made;
  }

  async #listen(gateway: string): Promise<BridgeServer> {
    const tcp = createServer((connection) => void this.#answerTcp(connection));
    tcp.listen(0, gateway);
    await once(tcp, 'listening');
    const { port } = tcp.address() as { readonly port: number };
    const udp = createSocket('udp4');
    udp.bind(port, gateway);
    await once(udp, 'listening');
    udp.on(
      'message',
      (packet, from) =>
        void this.#answer(packet, from.address, 'udp').then(
          (answer) => answer && udp.send(answer, from.port, from.address),
          () => undefined,
        ),
    );
    udp.on('error', (error) => this.#parts.log.warn({ gateway, error: messageOf(error) }, 'embedded DNS'));
    return { udp, tcp, port };
  }

  async #answerTcp(connection: TcpSocket): Promise<void> {
    this.#connections.add(connection);
    connection.on('error', () => undefined);
    connection.setTimeout(10_000, () => connection.destroy());
    try {
      for await (const packet of framesOf(connection)) {
        const answer = await this.#answer(packet, connection.remoteAddress ?? '', 'tcp');
        if (answer) connection.write(framed(answer));
      }
    } catch {
      connection.destroy();
    } finally {
      this.#connections.delete(connection);
    }
  }

  async #answer(packet: Buffer, from: string, protocol: 'udp' | 'tcp'): Promise<Buffer | undefined> {
    const { fabric, host, isPredefined } = this.#parts;
    const query = decode(packet);
    const [question] = query.questions ?? [];
    const client = clientOf(fabric.live.values(), from);
    if (!question || !client) return encode(reply(query, { code: 5 }));
    const found = lookup(question, client, fabric.live.values(), isPredefined);
    if (found && 'name' in found)
      return encode(reply(query, { answers: [{ type: 'PTR', name: question.name, ttl: 600, data: found.name }] }));
    if (found) {
      const answers =
        question.type === 'A' ? found.addresses.map((data) => ({ type: 'A' as const, name: question.name, ttl: 600, data })) : [];
      return encode(reply(query, { answers }));
    }
    const servers = parseResolvConf(host.resolvConf()).servers;
    return (
      (await forward(packet, servers, protocol, this.#closing.signal)) ??
      (this.#closing.signal.aborted ? undefined : encode(reply(query, { code: 2 })))
    );
  }
}

/** `code`: RFC 1035 RCODE (2 = SERVFAIL, 5 = REFUSED). */
function reply(
  query: Packet,
  { code = 0, answers = [] }: { readonly code?: number; readonly answers?: NonNullable<Packet['answers']> },
): Packet {
  const recursionDesired = (query.flags ?? 0) & 0x100;
  return { type: 'response', id: query.id ?? 0, flags: 0x80 | recursionDesired | code, questions: query.questions ?? [], answers };
}

/** Rules inside the namespace. The raw rule keeps neighbours away from the container's 127/8, which route_localnet would let in. */
export function renderDnsRules(gateway: string, port: number, { withJumps }: { readonly withJumps: boolean }): string {
  const to = `-j DNAT --to-destination ${gateway}:${port}`;
  return [
    '*raw',
    ':DOCKER_LOOPBACK - [0:0]',
    ...(withJumps ? ['-A PREROUTING -j DOCKER_LOOPBACK'] : []),
    '-A DOCKER_LOOPBACK -d 127.0.0.0/8 ! -i lo -j DROP',
    'COMMIT',
    '*nat',
    ':DOCKER_OUTPUT - [0:0]',
    ':DOCKER_POSTROUTING - [0:0]',
    ...(withJumps ? ['-A OUTPUT -d 127.0.0.11/32 -j DOCKER_OUTPUT', '-A POSTROUTING -j DOCKER_POSTROUTING'] : []),
    `-A DOCKER_OUTPUT -p udp -m udp --dport 53 ${to}`,
    `-A DOCKER_OUTPUT -p tcp -m tcp --dport 53 ${to}`,
    `-A DOCKER_POSTROUTING -s 127.0.0.0/8 -d ${gateway}/32 -j MASQUERADE`,
    'COMMIT',
    '',
  ].join('\n');
}

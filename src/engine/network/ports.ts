import { KindError } from '../../base/errors.ts';
import { listenersOn } from '../../kernel/listeners.ts';
import { probePort } from '../../kernel/port-probe.ts';
import { familyOf } from './cidr.ts';
import type { PortBinding, PublishedBinding } from './networks.ts';

/** A host port that a container holds. */
export interface HeldPort {
  readonly protocol: string;
  readonly hostIp: string;
  readonly hostPort: number;
  readonly holder: string;
}

/**
 * Chooses and checks the host ports of a container: against other containers (`held`) and, by binding for a moment, against the host's own programs.
 * A wish without a number gets a free one from the kernel, one with a range the first of it that is free. Wishes of both families
 * for the same port of the container get the same number.
 */
export function claimPorts(ownerName: string, wanted: readonly PortBinding[], held: readonly HeldPort[]): readonly PublishedBinding[] {
  const taken = new TakenPorts(held);
  const claimed: PublishedBinding[] = [];
  const chosen = new Map<PortBinding['containerPort'] | string, number>();
  for (const wish of wanted) {
    const { containerPort, protocol, hostIp = '0.0.0.0' } = wish;
    const pair = `${containerPort}/${protocol}/${JSON.stringify(wish.hostPortRange ?? '')}`;
    const isOpen = !wish.hostPort;
    const sibling = isOpen && hostIp === '::' ? chosen.get(pair) : undefined;
    const hostPort = choose(
      { ...wish, hostIp, ...(sibling !== undefined && { hostPort: sibling, hostPortRange: undefined }) },
      taken,
      ownerName,
    );
    if (isOpen && hostIp === '0.0.0.0') chosen.set(pair, hostPort);
    taken.add({ protocol, hostIp, hostPort, holder: `container ${ownerName}` });
    claimed.push({ containerPort, protocol, hostIp, hostPort });
  }
  return claimed;
}

/** Who holds a port, in constant time however many there are. */
class TakenPorts {
  readonly #byPort = new Map<string, HeldPort[]>();

  constructor(held: readonly HeldPort[]) {
    for (const each of held) this.add(each);
  }

  add(port: HeldPort): void {
    const key = `${port.protocol} ${port.hostPort}`;
    const list = this.#byPort.get(key);
    if (list) list.push(port);
    else this.#byPort.set(key, [port]);
  }

  holderOf(protocol: string, hostIp: string, port: number): HeldPort | undefined {
    const isAny = (address: string): boolean => address === '0.0.0.0' || address === '::';
    return this.#byPort
      .get(`${protocol} ${port}`)
      ?.find((each) => familyOf(each.hostIp) === familyOf(hostIp) && (each.hostIp === hostIp || isAny(each.hostIp) || isAny(hostIp)));
  }
}

interface Wish extends PortBinding {
  readonly hostIp: string;
}

function choose(wish: Wish, taken: TakenPorts, ownerName: string): number {
  const { protocol, hostIp, hostPort = 0, hostPortRange: range } = wish;
  if (range) {
    for (let port = range.from; port <= range.to; port++) {
      if (!taken.holderOf(protocol, hostIp, port) && isFree({ ...wish, hostPort: port })) return port;
    }
    const text = `${range.from}-${range.to}`;
    throw new KindError('conflict', `${failure(ownerName, hostIp, text)}: all ports of the range are allocated`);
  }
  const failed = `${failure(ownerName, hostIp, String(hostPort))}: port is already allocated`;
  const holder = hostPort === 0 ? undefined : taken.holderOf(protocol, hostIp, hostPort);
  if (holder) throw new KindError('conflict', `${failed} (by ${holder.holder})`);
  for (;;) {
    const port = probe(wish, hostPort, failed);
    if (!taken.holderOf(protocol, hostIp, port)) return port;
  }
}

/** Whether this host listens at ::1: what IPv6 can be published at. */
export function hasLoopback6(): boolean {
  try {
    return probePort('tcp', '::1', 0) > 0;
  } catch {
    return false;
  }
}

function failure(ownerName: string, hostIp: string, port: string): string {
  const address = hostIp.includes(':') ? `[${hostIp}]` : hostIp;
  return `driver failed programming external connectivity on endpoint ${ownerName}: Bind for ${address}:${port} failed`;
}

function isFree({ protocol, hostIp, hostPort = 0 }: Wish): boolean {
  try {
    probe({ containerPort: 0, protocol, hostIp }, hostPort, '');
    return true;
  } catch {
    return false;
  }
}

/** Binds and lets go: proves that no program of the host listens there. A kernel without SCTP has no program that could; its number is one that TCP has free. */
function probe({ protocol, hostIp }: Wish, hostPort: number, failed: string): number {
  if (protocol === 'sctp' && hostPort !== 0) return hostPort;
  const kind = protocol === 'udp' ? 'udp' : 'tcp';
  try {
    return probePort(kind, hostIp, hostPort);
  } catch (error) {
    const code = error instanceof KindError ? (error.details as { readonly code?: string } | undefined)?.code : undefined;
    if (code === 'EADDRINUSE') throw new KindError('conflict', `${failed} (${holderOnHost(hostPort, kind)})`, { cause: error });
    if (code === 'EADDRNOTAVAIL')
      throw new KindError('invalid', failed.replace('port is already allocated', `this host has no address ${hostIp}`), { cause: error });
    throw error;
  }
}

/** `by nginx (pid 12)`. */
function holderOnHost(port: number, protocol: 'tcp' | 'udp'): string {
  const holder = listenersOn(port, protocol).find(({ pid }) => pid !== undefined);
  return holder ? `by ${holder.program} (pid ${holder.pid})` : 'by a program of this host';
}

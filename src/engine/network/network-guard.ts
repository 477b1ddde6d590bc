import { messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { NetworkChange } from '../../kernel/network-watch.ts';
import { formatSubnet, parseSubnet } from './cidr.ts';
import type { Fabric } from './fabric.ts';
import { gatewayAddresses, hostInterface } from './link-plan.ts';
import { relayTable } from './relay-ports.ts';

export interface GuardParts {
  readonly kernel: Pick<Kernel, 'networkWatch' | 'firewall'>;
  readonly fabric: Pick<Fabric, 'check' | 'live' | 'networks' | 'bridgeIndexes'>;
  readonly log: Log;
}

/** Whoever takes rules away takes several: what follows within this time is put right in one go. */
const settleMs = 20;
/** When somebody else keeps removing what we put back, neither side must eat the machine. */
const slowestMs = 1000;
const quarrelMs = 10_000;
/** Rules of iptables-legacy announce nothing: they are looked at. */
const lookMs = 15_000;

/**
 * Puts right what somebody else took away of the host's network: told by the kernel, idle otherwise.
 *
 *   announcement ─► about something of ours, and bad? ─► 20 ms ─► compare all with the store ─► repair, one line in the log
 */
export class NetworkGuard implements AsyncDisposable {
  readonly #parts: GuardParts;
  readonly #watch: Disposable | undefined;
  readonly #look: NodeJS.Timeout | undefined;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> = Promise.resolve();
  #isClosed = false;
  /** When repairs were needed lately. */
  readonly #repairs: number[] = [];

  constructor(parts: GuardParts) {
    this.#parts = parts;
    this.#watch = this.#listen();
    const announces = this.#watch !== undefined && parts.kernel.firewall.generation() !== undefined;
    this.#look = announces ? undefined : setInterval(() => this.#check(), lookMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#watch?.[Symbol.dispose]();
    clearInterval(this.#look);
    clearTimeout(this.#timer);
    await this.#running;
  }

  #listen(): Disposable | undefined {
    try {
      return this.#parts.kernel.networkWatch.watch((changes) => {
        const isOurs = concerns(this.#parts.fabric);
        if (latest(changes).some(isOurs)) this.#schedule();
      });
    } catch (error) {
      this.#parts.log.warn({ error: messageOf(error) }, `the kernel does not announce network changes: looking every ${lookMs / 1000} s`);
      return undefined;
    }
  }

  #schedule(): void {
    if (this.#timer || this.#isClosed) return;
    const since = performance.now() - quarrelMs;
    while ((this.#repairs[0] ?? Infinity) < since) this.#repairs.shift();
    const wait = Math.min(slowestMs, settleMs * 2 ** Math.max(0, this.#repairs.length - 5));
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#check();
    }, wait);
  }

  #check(): void {
    this.#running = this.#running.then(async () => {
      if (this.#isClosed) return;
      const { fabric, log } = this.#parts;
      try {
        const lost = await fabric.check();
        if (lost.length === 0) return;
        this.#repairs.push(performance.now());
        log.warn({ lost: lost.slice(0, 50), count: lost.length }, 'network changed by somebody else: put right');
      } catch (error) {
        log.error({ error: messageOf(error) }, 'network could not be checked');
        this.#repairs.push(performance.now());
        this.#schedule();
      }
    });
  }
}

/** Of each link only the last word counts: one that is being made is first down and without a bridge. */
function latest(changes: readonly NetworkChange[]): readonly NetworkChange[] {
  const last = new Map<string, NetworkChange>();
  for (const change of changes) last.set(change.what === 'link' ? `link ${change.name}` : JSON.stringify(change), change);
  return [...last.values()];
}

/** iptables' tables are nftables' tables of the same name. */
const ruleTables: ReadonlySet<string> = new Set(['raw', 'nat', 'filter', relayTable]);

/** Whether a change may have taken away something of ours. */
export function concerns(fabric: Pick<Fabric, 'live' | 'networks' | 'bridgeIndexes'>): (change: NetworkChange) => boolean {
  const isOurs = concernsNetworks(fabric.networks.values());
  const ports = new Set<string>();
  for (const { endpoints } of fabric.live.values()) for (const { id } of endpoints) ports.add(hostInterface(id));
  return (change) => {
    if (change.what !== 'link' || !ports.has(change.name)) return isOurs(change);
    return change.isGone || !change.isUp || change.masterIndex === undefined || !fabric.bridgeIndexes.has(change.masterIndex);
  };
}

function concernsNetworks(networks: Iterable<Parameters<typeof gatewayAddresses>[0]>): (change: NetworkChange) => boolean {
  const bridges = new Set<string>();
  const addresses = new Set<string>();
  const subnets = new Set<string>();
  for (const network of networks) {
    if (network.bridgeName === undefined) continue;
    bridges.add(network.bridgeName);
    for (const cidr of gatewayAddresses(network)) {
      addresses.add(cidr);
      subnets.add(formatSubnet(parseSubnet(cidr)));
    }
  }
  return (change) => {
    switch (change.what) {
      case 'link':
        return bridges.has(change.name) && (change.isGone || !change.isUp);
      case 'address':
        return change.isGone && addresses.has(change.cidr);
      case 'route':
        return subnets.has(change.to);
      case 'forwarding':
        return !change.isOn && bridges.size > 0;
      case 'rules':
        return ruleTables.has(change.table);
      case 'anything':
        return true;
    }
  };
}

import { isKind, KindError } from '../../base/errors.ts';
import { newId } from '../../base/ids.ts';
import type { Log } from '../../base/log.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { LinkOperation } from '../../kernel/links.ts';
import type { HostFacts } from '../host-facts.ts';
import { claimAddress, nextAddress } from './address-plan.ts';
import { parseSubnet } from './cidr.ts';
import type { FirewallState } from './firewall-rules.ts';
import { HostFirewall } from './host-firewall.ts';
import { hostInterface, macOf, planAttach } from './link-plan.ts';
import type { NetworkRecord } from './network-record.ts';
import type { Endpoint, EndpointSpec, PortBinding } from './networks.ts';
import { claimPorts, type HeldPort } from './ports.ts';

/** A container or sandbox with a network namespace. */
export interface Owner {
  readonly id: string;
  readonly name: string;
  readonly netnsPath: string;
}

/** One owner that is up: its endpoints in the order of its interfaces, and its published ports. */
export interface LiveOwner {
  readonly owner: Owner;
  readonly endpoints: readonly Endpoint[];
  readonly ports: readonly Required<PortBinding>[];
}

export interface FabricParts {
  readonly kernel: Kernel;
  readonly host: HostFacts;
  readonly log: Log;
}

/** The host's bridges, links, addresses and rules: which owner is attached where, in memory; rebuilt by `adopt` when davit starts again. */
export class Fabric {
  readonly #parts: FabricParts;
  readonly #firewall: HostFirewall;
  readonly #networks = new Map<string, NetworkRecord>();
  readonly #live = new Map<string, LiveOwner>();
  /** Freed a short while ago: given out again last, so that nobody talks to the wrong container. */
  readonly #recent: string[] = [];

  constructor(parts: FabricParts) {
    this.#parts = parts;
    this.#firewall = new HostFirewall(parts.kernel.firewall, () => this.#firewallState());
  }

  get live(): ReadonlyMap<string, LiveOwner> {
    return this.#live;
  }

  /** Bridge, address, sysctls; harmless when they are there. The rules follow with `sync`. */
  addNetwork(record: NetworkRecord): void {
    this.#networks.set(record.id, record);
    const { bridgeName, gateway, subnet } = record;
    if (!bridgeName || !gateway || !subnet) return;
    this.#attempt({ do: 'addBridge', name: bridgeName, mac: macOf(gateway) });
    this.#attempt({ do: 'addAddress', name: bridgeName, cidr: `${gateway}/${parseSubnet(subnet).prefix}` });
    this.#attempt({ do: 'setUp', name: bridgeName });
    this.#parts.host.setSysctl('net.ipv4.ip_forward', '1');
    // Packets of 127.0.0.1 may be translated into the bridge; DAVIT-RAW drops those that come out of it.
    this.#parts.host.setSysctl(`net.ipv4.conf.${bridgeName}.route_localnet`, '1');
  }

  removeNetwork(id: string): void {
    const bridgeName = this.#networks.get(id)?.bridgeName;
    this.#networks.delete(id);
    if (bridgeName) this.#remove(bridgeName);
  }

  /** Address and link on one network. `defaultRoute`: the way out goes there. */
  attach(owner: Owner, network: NetworkRecord, spec: EndpointSpec, options: { readonly defaultRoute: boolean }): Endpoint {
    const { bridgeName, subnet, gateway } = network;
    if (!bridgeName || !subnet || !gateway) throw new Error(`network ${network.name} has no bridge`);
    const current = this.#live.get(owner.id) ?? { owner, endpoints: [], ports: [] };
    const taken = this.#addressesOf(network.id);
    const space = { subnet, gateway, ipRange: network.ipRange };
    const address = spec.ipv4 ? claimAddress(space, spec.ipv4, taken) : nextAddress(space, taken, new Set(this.#recent));
    const id = newId();
    const cidr = `${address}/${parseSubnet(subnet).prefix}`;
    const mac = spec.mac || macOf(address);
    const plan = planAttach({
      bridge: bridgeName,
      netnsPath: owner.netnsPath,
      interfaceName: `eth${freeIndex(this.#parts.kernel.links.list(owner.netnsPath).map(({ name }) => name))}`,
      cidr,
      mac,
      gateway: options.defaultRoute && !network.internal ? gateway : undefined,
      endpointId: id,
    });
    try {
      this.#parts.kernel.links.apply(plan.host);
      this.#parts.kernel.links.apply(plan.inside, owner.netnsPath);
    } catch (error) {
      this.#remove(hostInterface(id));
      throw error;
    }
    const endpoint: Endpoint = {
      id,
      networkId: network.id,
      networkName: network.name,
      ownerId: owner.id,
      ownerName: owner.name,
      ipv4: cidr,
      gateway,
      mac,
      aliases: spec.aliases ?? [],
      spec,
    };
    this.#live.set(owner.id, { ...current, owner, endpoints: [...current.endpoints, endpoint] });
    return endpoint;
  }

  /** Claims and opens host ports towards the owner's first endpoint. */
  async publish(owner: Owner, wanted: readonly PortBinding[]): Promise<readonly Required<PortBinding>[]> {
    if (wanted.length === 0) return [];
    const ports = await claimPorts(owner.name, wanted, this.#heldPorts());
    const current = this.#live.get(owner.id);
    if (!current) throw new Error(`publish: ${owner.name} is attached to no network`);
    this.#live.set(owner.id, { ...current, ports });
    await this.#firewall.sync();
    return ports;
  }

  /** Takes note of an owner that was up before davit started. */
  adopt(owner: Owner, endpoints: readonly Endpoint[], ports: readonly Required<PortBinding>[]): void {
    this.#live.set(owner.id, { owner, endpoints, ports });
  }

  rename(ownerId: string, name: string): void {
    const live = this.#live.get(ownerId);
    if (!live) return;
    this.#live.set(ownerId, {
      ...live,
      owner: { ...live.owner, name },
      endpoints: live.endpoints.map((endpoint) => ({ ...endpoint, ownerName: name })),
    });
  }

  /** Takes links, addresses and ports of one endpoint or of the whole owner away; harmless when there are none. */
  async detach(ownerId: string, endpointId?: string): Promise<void> {
    const live = this.#live.get(ownerId);
    if (!live) return;
    const gone = endpointId ? live.endpoints.filter(({ id }) => id === endpointId) : live.endpoints;
    const left = live.endpoints.filter((endpoint) => !gone.includes(endpoint));
    for (const endpoint of gone) {
      this.#remove(hostInterface(endpoint.id));
      if (endpoint.ipv4) this.#recent.push(addressOf(endpoint.ipv4));
    }
    this.#recent.splice(0, Math.max(0, this.#recent.length - 64));
    if (left.length > 0) this.#live.set(ownerId, { ...live, endpoints: left });
    else this.#live.delete(ownerId);
    if (live.ports.length > 0) await this.#firewall.sync();
  }

  sync(): Promise<void> {
    return this.#firewall.repair();
  }

  /** Puts back rules that somebody flushed. */
  check(): Promise<void> {
    return this.#firewall.check();
  }

  /** Removes bridges and rules; containers must be gone. */
  async destroy(): Promise<void> {
    await this.#firewall.destroy();
    for (const { bridgeName } of this.#networks.values()) if (bridgeName) this.#remove(bridgeName);
  }

  #firewallState(): FirewallState {
    const bridges = [...this.#networks.values()].flatMap(({ bridgeName, subnet, internal, ingress }) =>
      bridgeName && subnet ? [{ name: bridgeName, subnet, internal, ingress }] : [],
    );
    const ports = [...this.#live.values()].flatMap(({ endpoints, ports: published }) => {
      const target = endpoints.find(({ networkId }) => !this.#networks.get(networkId)?.internal);
      const bridge = target && this.#networks.get(target.networkId)?.bridgeName;
      const containerIp = target?.ipv4 && addressOf(target.ipv4);
      if (!bridge || !containerIp) return [];
      return published.map(({ protocol, hostIp, hostPort, containerPort }) => ({
        bridge,
        protocol,
        hostIp,
        hostPort,
        containerIp,
        containerPort,
      }));
    });
    return { bridges, ports };
  }

  #heldPorts(): readonly HeldPort[] {
    return [...this.#live.values()].flatMap(({ owner, ports }) =>
      ports.map(({ protocol, hostIp, hostPort }) => ({ protocol, hostIp, hostPort, holder: `container ${owner.name}` })),
    );
  }

  #addressesOf(networkId: string): ReadonlySet<string> {
    const endpoints = [...this.#live.values()]
      .flatMap(({ endpoints: each }) => each)
      .filter((endpoint) => endpoint.networkId === networkId);
    return new Set(endpoints.flatMap(({ ipv4 }) => (ipv4 ? [addressOf(ipv4)] : [])));
  }

  #attempt(operation: LinkOperation): void {
    try {
      this.#parts.kernel.links.apply([operation]);
    } catch (error) {
      if (!isKind(error, 'alreadyExists')) throw error;
    }
  }

  #remove(name: string): void {
    try {
      this.#parts.kernel.links.apply([{ do: 'deleteLink', name }]);
    } catch (error) {
      if (!isKind(error, 'notFound')) this.#parts.log.warn({ link: name, error: String(error) }, 'link could not be removed');
    }
  }
}

export function addressOf(cidr: string): string {
  return cidr.split('/')[0] ?? cidr;
}

function freeIndex(names: readonly string[]): number {
  for (let index = 0; index < 1000; index++) if (!names.includes(`eth${index}`)) return index;
  throw new KindError('unavailable', 'too many interfaces');
}

import { isKind, KindError, messageOf } from '../../base/errors.ts';
import { newId } from '../../base/ids.ts';
import type { Log } from '../../base/log.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { LinkOperation } from '../../kernel/links.ts';
import type { HostFacts } from '../host-facts.ts';
import { claimAddress, isLinkLocal, nextAddress, withPrefix } from './address-plan.ts';
import { bridgeOptions } from './bridge-options.ts';
import { addressOf } from './cidr.ts';
import { firewallState } from './firewall-state.ts';
import { withHostAddresses } from './host-addresses.ts';
import { HostFirewall, type FirewallMode } from './host-firewall.ts';
import { bridgeSysctls, planHostRepair } from './host-repair.ts';
import { defaultRoutes, hostInterface, interfaceOf, macFor, planAttach, planBridge } from './link-plan.ts';
import { gatewayEndpoint, type LiveOwner, type Owner } from './live-owner.ts';
import { gatewayFor, poolsOf, type NetworkRecord } from './network-record.ts';
import type { Endpoint, EndpointSpec, PortBinding, PublishedBinding } from './networks.ts';
import { PortRelay } from './port-relay.ts';
import { claimPorts, hasLoopback6, type HeldPort } from './ports.ts';
import { relayPorts } from './relay-ports.ts';

export interface FabricParts {
  readonly kernel: Kernel;
  readonly host: HostFacts;
  readonly log: Log;
  readonly config: { readonly firewall?: FirewallMode };
}

/** The host's bridges, links, addresses and rules: which owner is attached where, in memory; rebuilt by `adopt` when davit starts again. */
export class Fabric implements AsyncDisposable {
  readonly #parts: FabricParts;
  readonly #firewall: HostFirewall;
  readonly #relay: PortRelay;
  readonly #networks = new Map<string, NetworkRecord>();
  readonly #live = new Map<string, LiveOwner>();
  /** Freed a short while ago: given out again last, so that nobody talks to the wrong container. */
  readonly #recent: string[] = [];
  readonly #gone: ((ownerId: string) => void)[] = [];
  /** Links that the kernel is taking away (16 ms each, idle), by the address they had. */
  readonly #leaving = new Map<string, Promise<void>>();
  #bridgeIndexes: ReadonlySet<number> | undefined;
  #revision = 0;

  constructor(parts: FabricParts) {
    this.#parts = parts;
    const wanted = (family: 4 | 6) => firewallState(family, this.#networks, this.#live.values());
    this.#relay = new PortRelay(parts.kernel.firewall, () => relayPorts(this.#networks, this.#live.values()));
    this.#firewall = new HostFirewall(parts.kernel.firewall, wanted, { mode: parts.config.firewall, further: this.#relay });
  }

  /** Links and rules stay, what runs in this process ends. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#relay[Symbol.asyncDispose]();
  }

  get live(): ReadonlyMap<string, LiveOwner> {
    return this.#live;
  }

  get networks(): ReadonlyMap<string, NetworkRecord> {
    return this.#networks;
  }

  /** One more with every change of networks or of who is attached. */
  get revision(): number {
    return this.#revision;
  }

  /** Called when an owner has left its last network. */
  onGone(told: (ownerId: string) => void): void {
    this.#gone.push(told);
  }

  /** What the kernel calls our bridges. */
  get bridgeIndexes(): ReadonlySet<number> {
    this.#bridgeIndexes ??= this.#readBridgeIndexes();
    return this.#bridgeIndexes;
  }

  /** Bridge, addresses, sysctls; harmless when they are there. The rules follow with `sync`. */
  addNetwork(record: NetworkRecord): void {
    this.#networks.set(record.id, record);
    this.#revision += 1;
    this.#makeBridge(record);
  }

  removeNetwork(id: string): void {
    const bridgeName = this.#networks.get(id)?.bridgeName;
    this.#networks.delete(id);
    this.#revision += 1;
    if (bridgeName) this.#remove(bridgeName);
  }

  /** Addresses and link on one network; the default route goes where the order of gateways says. */
  attach(owner: Owner, network: NetworkRecord, spec: EndpointSpec): Endpoint {
    if (network.driver !== 'bridge' && network.driver !== 'macvlan') throw new Error(`network ${network.name} has no links`);
    const current = this.#live.get(owner.id) ?? { owner, endpoints: [], ports: [] };
    const endpoint = this.#planEndpoint(owner, network, spec);
    const endpoints = [...current.endpoints, endpoint];
    const before = gatewayEndpoint(current.endpoints, this.#networks);
    const isGateway = gatewayEndpoint(endpoints, this.#networks) === endpoint;
    this.#plug(network, endpoint, owner, { isGateway, replaces: isGateway ? before : undefined });
    this.#setLive({ ...current, owner, endpoints });
    return endpoint;
  }

  /** Claims and opens host ports towards the owner's first endpoint on a bridge. */
  async publish(owner: Owner, wanted: readonly PortBinding[]): Promise<readonly PublishedBinding[]> {
    if (wanted.length === 0) return [];
    const current = this.#live.get(owner.id);
    if (!current) throw new Error(`publish: ${owner.name} is attached to no network`);
    const ports = claimPorts(owner.name, this.#withAddresses(current, wanted), this.#heldPorts());
    this.#live.set(owner.id, { ...current, ports });
    await this.#firewall.sync();
    return ports;
  }

  /** Takes note of an owner that was up before davit started. */
  adopt(owner: Owner, endpoints: readonly Endpoint[], ports: readonly PublishedBinding[]): void {
    this.#setLive({ owner, endpoints, ports });
  }

  rename(ownerId: string, name: string): void {
    const live = this.#live.get(ownerId);
    if (!live) return;
    this.#setLive({
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
    // First what is wanted, then what is there: nobody must put a link back that has just been taken away.
    if (left.length > 0) this.#setLive({ ...live, endpoints: left });
    else {
      this.#live.delete(ownerId);
      this.#revision += 1;
      for (const told of this.#gone) told(ownerId);
    }
    const leaving = gone.map((endpoint) => this.#unplugLater(live.owner, endpoint, endpointId !== undefined));
    // Whoever disconnects sees the link go; an owner that has ended does not wait for that.
    if (endpointId !== undefined) await Promise.all(leaving);
    const before = gatewayEndpoint(live.endpoints, this.#networks);
    const after = gatewayEndpoint(left, this.#networks);
    if (after && after !== before) this.#inside(live.owner, defaultRoutes(after, 'addRoute'));
    if (live.ports.length > 0) await this.#firewall.sync();
  }

  /** Rules brought to what is wanted now, from what was written last. */
  update(): Promise<void> {
    return this.#firewall.sync();
  }

  /** Rules written whole, whatever is there. */
  sync(): Promise<void> {
    return this.#firewall.repair();
  }

  /** Puts right what somebody else took away of links, addresses, routes and rules; gives what was lost, in words. */
  async check(): Promise<readonly string[]> {
    const lost = this.#repairHost();
    return [...lost, ...(await this.#firewall.check())];
  }

  /** Waits until no earlier link answers for the addresses of these endpoints, or of any. */
  async settled(endpoints?: readonly Endpoint[]): Promise<void> {
    const addresses = endpoints?.flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6]) ?? [...this.#leaving.keys()];
    await Promise.all(addresses.map((address) => address && this.#leaving.get(address)));
  }

  /** Removes bridges and rules; containers must be gone. */
  async destroy(): Promise<void> {
    await this.settled();
    const bridges = [...this.#networks.values()].flatMap(({ bridgeName }) => bridgeName ?? []);
    this.#networks.clear();
    await this.#firewall.destroy();
    for (const name of bridges) this.#remove(name);
  }

  #setLive(live: LiveOwner): void {
    this.#live.set(live.owner.id, live);
    this.#revision += 1;
  }

  #planEndpoint(owner: Owner, network: NetworkRecord, spec: EndpointSpec): Endpoint {
    const id = newId();
    for (const [family, wanted] of [[4, spec.ipv4] as const, [6, spec.ipv6] as const]) {
      if (wanted && isLinkLocal(wanted))
        throw new KindError('invalid', `link-local address ${wanted} cannot be asked for: the kernel gives each interface its own`);
      if (wanted && poolsOf(network, family).length === 0)
        throw new KindError('invalid', `invalid endpoint settings: network ${network.name} has no IPv${family} subnet for ${wanted}`);
    }
    const ipv4 = this.#claim(network, 4, spec.ipv4);
    const ipv6 = this.#claim(network, 6, spec.ipv6);
    const prefix = bridgeOptions(network.options).interfacePrefix;
    const taken = owner.isNew ? this.#interfacesOf(owner.id) : this.#parts.kernel.links.list(owner.netnsPath).map(({ name }) => name);
    return {
      id,
      networkId: network.id,
      networkName: network.name,
      ownerId: owner.id,
      ownerName: owner.name,
      ipv4,
      gateway: ipv4 && gatewayFor(network, ipv4),
      ...(ipv6 && { ipv6, gateway6: gatewayFor(network, ipv6) }),
      mac: spec.mac || macFor(ipv4 && addressOf(ipv4), id),
      interfaceName: freeName(prefix, taken),
      aliases: spec.aliases ?? [],
      spec,
    };
  }

  #interfacesOf(ownerId: string): readonly string[] {
    return this.#live.get(ownerId)?.endpoints.flatMap(({ interfaceName }) => interfaceName ?? []) ?? [];
  }

  #claim(network: NetworkRecord, family: 4 | 6, wanted: string | undefined): string | undefined {
    const pools = poolsOf(network, family);
    if (pools.length === 0) return undefined;
    const taken = this.#addressesOf(network.id);
    return withPrefix(pools, wanted ? claimAddress(pools, wanted, taken) : nextAddress(pools, taken, new Set(this.#recent)));
  }

  #plug(
    network: NetworkRecord,
    endpoint: Endpoint,
    owner: Owner,
    { isGateway, replaces }: { readonly isGateway: boolean; readonly replaces?: Endpoint | undefined },
  ): void {
    const plan = planAttach(network, endpoint, owner.netnsPath, isGateway);
    const { links, namespaces } = this.#parts.kernel;
    try {
      links.apply(plan.host);
      if (endpoint.ipv6) {
        const name = interfaceOf(endpoint);
        namespaces.inNetwork(owner.netnsPath, () => this.#parts.host.setSysctl(`net.ipv6.conf.${name}.disable_ipv6`, '0'));
      }
      if (replaces) this.#inside(owner, defaultRoutes(replaces, 'deleteRoute'));
      links.apply(plan.inside, owner.netnsPath);
    } catch (error) {
      this.#unplug(owner, endpoint, true);
      if (replaces) this.#inside(owner, defaultRoutes(replaces, 'addRoute'));
      throw error;
    }
  }

  async #unplugLater(owner: Owner, endpoint: Endpoint, goesOn: boolean): Promise<void> {
    if (this.#networks.get(endpoint.networkId)?.driver === 'macvlan') return this.#unplug(owner, endpoint, goesOn);
    this.#remember(endpoint);
    const name = hostInterface(endpoint.id);
    const gone = this.#parts.kernel.links.remove(name).catch((error: unknown) => {
      if (!isKind(error, 'notFound')) this.#parts.log.warn({ link: name, error: messageOf(error) }, 'link could not be removed');
    });
    const addresses = [endpoint.ipv4, endpoint.ipv6].flatMap((cidr) => cidr ?? []);
    for (const address of addresses) this.#leaving.set(address, gone);
    await gone;
    for (const address of addresses) if (this.#leaving.get(address) === gone) this.#leaving.delete(address);
  }

  #remember(endpoint: Endpoint): void {
    for (const cidr of [endpoint.ipv4, endpoint.ipv6]) if (cidr) this.#recent.push(addressOf(cidr));
    this.#recent.splice(0, Math.max(0, this.#recent.length - 64));
  }

  /** The host's end takes the other with it; a macvlan link has none and goes with its namespace, or is deleted inside. */
  #unplug(owner: Owner, endpoint: Endpoint, goesOn: boolean): void {
    const isBridged = this.#networks.get(endpoint.networkId)?.driver !== 'macvlan';
    if (isBridged) this.#remove(hostInterface(endpoint.id));
    else if (goesOn) this.#inside(owner, [{ do: 'deleteLink', name: interfaceOf(endpoint) }]);
    this.#remember(endpoint);
  }

  #repairHost(): readonly string[] {
    const { links } = this.#parts.kernel;
    // First what addresses and routes of the bridges need.
    const switched = this.#repairSysctls();
    const repair = planHostRepair(this.#networks.values(), this.#live.values(), { links: links.list(), routes: links.routes() });
    for (const record of repair.bridges) this.#tolerate(`bridge ${record.bridgeName}`, () => this.#makeBridge(record));
    for (const operation of repair.operations)
      if (!repair.bridges.some(({ bridgeName }) => ownsName(operation, bridgeName))) this.#attempt(operation);
    for (const { live, endpoint } of repair.endpoints) {
      const network = this.#networks.get(endpoint.networkId);
      if (!network || !this.#parts.kernel.namespaces.exists(live.owner.netnsPath)) continue;
      const isGateway = gatewayEndpoint(live.endpoints, this.#networks) === endpoint;
      this.#tolerate(`link of ${live.owner.name}`, () => this.#plug(network, endpoint, live.owner, { isGateway }));
    }
    return [...switched, ...repair.lost];
  }

  #repairSysctls(): readonly string[] {
    const { host } = this.#parts;
    return [...bridgeSysctls(this.#networks.values())].flatMap(([name, value]) => {
      const now = host.sysctl(name);
      if (now === value || now === '') return [];
      host.setSysctl(name, value);
      return [`${name} was ${now}`];
    });
  }

  #readBridgeIndexes(): ReadonlySet<number> {
    const names = new Set([...this.#networks.values()].map(({ bridgeName }) => bridgeName));
    const links = this.#parts.kernel.links.list().filter(({ name }) => names.has(name));
    return new Set(links.map(({ index }) => index));
  }

  #makeBridge(record: NetworkRecord): void {
    const { host } = this.#parts;
    this.#bridgeIndexes = undefined;
    const [add, ...rest] = planBridge(record);
    const { bridgeName } = record;
    if (!add || !bridgeName) return;
    this.#attempt(add);
    for (const [name, value] of bridgeSysctls([record])) host.setSysctl(name, value);
    for (const operation of rest) this.#attempt(operation);
    // Otherwise what goes from one container to another by the bridge alone would meet no rule.
    if (!bridgeOptions(record.options).icc) this.#tolerate('icc', () => host.setSysctl('net.bridge.bridge-nf-call-iptables', '1'));
  }

  #withAddresses({ endpoints }: LiveOwner, wanted: readonly PortBinding[]): readonly PortBinding[] {
    const endpoint = endpoints.find(({ networkId }) => this.#networks.get(networkId)?.driver === 'bridge');
    const network = endpoint && this.#networks.get(endpoint.networkId);
    return withHostAddresses(wanted, { endpoint, network, hostHasIpv6: hasLoopback6() });
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
    return new Set(endpoints.flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6].flatMap((cidr) => (cidr ? [addressOf(cidr)] : []))));
  }

  #attempt(operation: LinkOperation): void {
    try {
      this.#parts.kernel.links.apply([operation]);
    } catch (error) {
      if (!isKind(error, 'alreadyExists')) throw error;
    }
  }

  /** In the owner's namespace; what is there already, or gone, is fine. */
  #inside({ netnsPath, name }: Owner, operations: readonly LinkOperation[]): void {
    for (const operation of operations) {
      try {
        this.#parts.kernel.links.apply([operation], netnsPath);
      } catch (error) {
        if (!isKind(error, 'alreadyExists') && !isKind(error, 'notFound'))
          this.#parts.log.warn({ container: name, error: messageOf(error) }, 'network of a container could not be changed');
      }
    }
  }

  #tolerate(what: string, run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#parts.log.warn({ what, error: messageOf(error) }, 'network could not be put right');
    }
  }

  #remove(name: string): void {
    try {
      this.#parts.kernel.links.apply([{ do: 'deleteLink', name }]);
    } catch (error) {
      if (!isKind(error, 'notFound')) this.#parts.log.warn({ link: name, error: messageOf(error) }, 'link could not be removed');
    }
  }
}

function ownsName(operation: LinkOperation, bridgeName: string | undefined): boolean {
  return 'name' in operation && operation.name === bridgeName;
}

function freeName(prefix: string, names: readonly string[]): string {
  for (let index = 0; index < 1000; index++) if (!names.includes(`${prefix}${index}`)) return `${prefix}${index}`;
  throw new KindError('unavailable', 'too many interfaces');
}

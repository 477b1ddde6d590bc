import { KindError } from '../base/errors.ts';
import { formatAddress, parseCidr } from './ip-address.ts';
import type { Link, LinkOperation, Links, Route } from './links.ts';

interface FakeLink {
  readonly index: number;
  readonly name: string;
  readonly kind: string;
  mac: string;
  mtu: number;
  isUp: boolean;
  master?: FakeLink;
  addresses: string[];
  /** The other end of a veth and where it lives. */
  peer?: { readonly link: FakeLink; readonly network: FakeNetwork };
}

interface FakeNetwork {
  readonly links: FakeLink[];
  routes: Route[];
}

/** Every network namespace's links and routes; the host's is under the empty name. */
export class FakeNetworks implements Links {
  readonly #networks = new Map<string, FakeNetwork>();
  #lastIndex = 0;

  constructor() {
    this.open('');
  }

  open(path: string): void {
    const loopback: FakeLink = {
      index: ++this.#lastIndex,
      name: 'lo',
      kind: 'loopback',
      mac: fakeMac(0),
      mtu: 65_536,
      isUp: true,
      addresses: ['127.0.0.1/8'],
    };
    this.#networks.set(path, { links: [loopback], routes: [] });
  }

  close(path: string): void {
    const network = this.#networks.get(path);
    for (const link of network?.links.filter((each) => each.peer) ?? []) removeLink(network as FakeNetwork, link);
    this.#networks.delete(path);
  }

  apply(operations: readonly LinkOperation[], namespace = ''): void {
    const network = this.#at(namespace);
    for (const operation of operations) this.#applyOne(network, operation);
  }

  async remove(name: string): Promise<void> {
    this.apply([{ do: 'deleteLink', name }]);
  }

  list(namespace = ''): readonly Link[] {
    return this.#at(namespace).links.map(publicLink);
  }

  routes(namespace = ''): readonly Route[] {
    const network = this.#at(namespace);
    const isConnected = (link: FakeLink): boolean => link.isUp && link.kind !== 'loopback';
    const connected = network.links
      .filter(isConnected)
      .flatMap((link) => link.addresses.map((cidr) => ({ to: subnetOf(cidr), link: link.name })));
    return [...network.routes, ...connected];
  }

  #at(path: string): FakeNetwork {
    const network = this.#networks.get(path);
    if (!network) throw new KindError('notFound', `no network namespace at ${path}`);
    return network;
  }

  #applyOne(network: FakeNetwork, operation: LinkOperation): void {
    switch (operation.do) {
      case 'addBridge': {
        const { name, mac = fakeMac(this.#lastIndex), mtu = 1500 } = operation;
        this.#add(network, { name, kind: 'bridge', mac, mtu }, `add bridge ${name}`);
        return;
      }
      case 'addVeth':
        return this.#addVeth(network, operation);
      case 'addMacvlan': {
        const { name, parent, namespace, mac = fakeMac(this.#lastIndex) } = operation;
        const { mtu } = find(network, parent, `add macvlan ${name} on`);
        this.#add(this.#at(namespace), { name, kind: 'macvlan', mac, mtu: operation.mtu ?? mtu }, `add macvlan ${name}`);
        return;
      }
      case 'deleteLink':
        return removeLink(network, find(network, operation.name, 'delete link'));
      case 'setUp':
      case 'setDown':
        find(network, operation.name, 'set link').isUp = operation.do === 'setUp';
        return;
      case 'setMaster': {
        const link = find(network, operation.name, 'set master of');
        link.master = find(network, operation.master, 'set master to');
        return;
      }
      default:
        return applyAddressing(network, operation);
    }
  }

  #addVeth(network: FakeNetwork, operation: LinkOperation & { do: 'addVeth' }): void {
    const { name, peer, mtu = 1500, peerMac, peerNamespace } = operation;
    const doing = `add veth ${name} with peer ${peer}`;
    const far = peerNamespace === undefined ? network : this.#at(peerNamespace);
    if (far.links.some((link) => link.name === peer)) throw new KindError('alreadyExists', `${doing}: EEXIST`);
    const near = this.#add(network, { name, kind: 'veth', mac: fakeMac(this.#lastIndex), mtu }, doing);
    const other = this.#add(far, { name: peer, kind: 'veth', mac: peerMac ?? fakeMac(this.#lastIndex), mtu }, doing);
    near.peer = { link: other, network: far };
    other.peer = { link: near, network };
  }

  #add(network: FakeNetwork, link: Pick<FakeLink, 'name' | 'kind' | 'mac' | 'mtu'>, doing: string): FakeLink {
    if (network.links.some((other) => other.name === link.name)) throw new KindError('alreadyExists', `${doing}: EEXIST`);
    const added: FakeLink = { ...link, index: ++this.#lastIndex, isUp: false, addresses: [] };
    network.links.push(added);
    return added;
  }
}

function applyAddressing(
  network: FakeNetwork,
  operation: LinkOperation & { do: 'addAddress' | 'deleteAddress' | 'addRoute' | 'deleteRoute' },
): void {
  switch (operation.do) {
    case 'addAddress': {
      const link = find(network, operation.name, `add address ${operation.cidr} to`);
      parseCidr(operation.cidr);
      if (link.addresses.includes(operation.cidr))
        throw new KindError('alreadyExists', `add address ${operation.cidr} to ${operation.name}: EEXIST`);
      link.addresses.push(operation.cidr);
      return;
    }
    case 'deleteAddress': {
      const link = find(network, operation.name, `delete address ${operation.cidr} of`);
      if (!link.addresses.includes(operation.cidr))
        throw new KindError('notFound', `delete address ${operation.cidr} of ${operation.name}: no such address`);
      link.addresses = link.addresses.filter((cidr) => cidr !== operation.cidr);
      return;
    }
    case 'addRoute': {
      const { to, via, name } = operation;
      if (network.routes.some((route) => route.to === to)) throw new KindError('alreadyExists', `add route to ${to}: EEXIST`);
      const link = name === undefined ? linkTowards(network, via ?? to) : find(network, name, `add route to ${to} through`);
      if (!link) throw new KindError('internal', `add route to ${to} via ${via}: ENETUNREACH`);
      network.routes.push({ to, ...(via === undefined ? {} : { via }), link: link.name });
      return;
    }
    case 'deleteRoute':
      if (!network.routes.some((route) => route.to === operation.to))
        throw new KindError('notFound', `delete route to ${operation.to}: ESRCH`);
      network.routes = network.routes.filter((route) => route.to !== operation.to);
      return;
  }
}

/** A veth's peer goes with it, the ports of a bridge stay. */
function removeLink(network: FakeNetwork, link: FakeLink): void {
  const drop = (from: FakeNetwork, gone: FakeLink): void => {
    const at = from.links.indexOf(gone);
    if (at >= 0) from.links.splice(at, 1);
    from.routes = from.routes.filter((route) => route.link !== gone.name);
    for (const other of from.links) if (other.master === gone) delete other.master;
  };
  drop(network, link);
  if (link.peer) drop(link.peer.network, link.peer.link);
}

function find(network: FakeNetwork, name: string, doing: string): FakeLink {
  const link = network.links.find((other) => other.name === name);
  if (!link) throw new KindError('notFound', `${doing} ${name}: ENODEV`);
  return link;
}

function linkTowards(network: FakeNetwork, address: string): FakeLink | undefined {
  return network.links.find((link) => link.isUp && link.addresses.some((cidr) => contains(cidr, address)));
}

function contains(cidr: string, address: string): boolean {
  const { prefix } = parseCidr(cidr);
  const [host = ''] = address.split('/');
  return subnetOf(cidr) === subnetOf(`${host}/${prefix}`);
}

/** `172.17.0.2/16` → `172.17.0.0/16` */
function subnetOf(cidr: string): string {
  const { bytes, prefix } = parseCidr(cidr);
  const masked = Buffer.from(bytes.map((byte, index) => byte & (0xff00 >> Math.min(8, Math.max(0, prefix - index * 8)))));
  return `${formatAddress(masked)}/${prefix}`;
}

function publicLink(link: FakeLink): Link {
  const { index, name, kind, mac, mtu, isUp, master, addresses } = link;
  return { index, name, kind, mac, mtu, isUp, addresses: [...addresses], ...(master ? { master: master.name } : {}) };
}

function fakeMac(seed: number): string {
  return `02:00:00:00:${((seed >> 8) & 0xff).toString(16).padStart(2, '0')}:${(seed & 0xff).toString(16).padStart(2, '0')}`;
}

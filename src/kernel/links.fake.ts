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
  hairpin?: boolean;
  addresses: string[];
  /** The other end of a veth and where it lives. */
  peer?: { readonly link: FakeLink; readonly network: FakeNetwork };
}

interface FakeNetwork {
  readonly links: FakeLink[];
  routes: Route[];
}

/** Every network namespace's links and routes; the host's is under the empty name. */
export interface FakeNetworks {
  open(path: string): void;
  close(path: string): void;
  readonly links: Links;
}

export function fakeNetworks(): FakeNetworks {
  const networks = new Map<string, FakeNetwork>();
  let lastIndex = 0;
  const fresh = (): FakeNetwork => ({
    links: [
      { index: ++lastIndex, name: 'lo', kind: 'loopback', mac: '00:00:00:00:00:00', mtu: 65_536, isUp: true, addresses: ['127.0.0.1/8'] },
    ],
    routes: [],
  });
  networks.set('', fresh());

  const networkAt = (path: string): FakeNetwork => {
    const network = networks.get(path);
    if (!network) throw new KindError('notFound', `no network namespace at ${path}`);
    return network;
  };

  const add = (network: FakeNetwork, link: Omit<FakeLink, 'index' | 'isUp' | 'addresses'>, doing: string): FakeLink => {
    if (network.links.some((other) => other.name === link.name)) throw new KindError('alreadyExists', `${doing}: EEXIST`);
    const added: FakeLink = { ...link, index: ++lastIndex, isUp: false, addresses: [] };
    network.links.push(added);
    return added;
  };

  const apply = (network: FakeNetwork, operation: LinkOperation): void => {
    switch (operation.do) {
      case 'addBridge':
        add(
          network,
          { name: operation.name, kind: 'bridge', mac: operation.mac ?? fakeMac(lastIndex), mtu: operation.mtu ?? 1500 },
          `add bridge ${operation.name}`,
        );
        return;
      case 'addVeth': {
        const { name, peer, mtu = 1500, peerMac } = operation;
        const doing = `add veth ${name} with peer ${peer}`;
        const far = operation.peerNamespace === undefined ? network : networkAt(operation.peerNamespace);
        if (far.links.some((link) => link.name === peer)) throw new KindError('alreadyExists', `${doing}: EEXIST`);
        const near = add(network, { name, kind: 'veth', mac: fakeMac(lastIndex), mtu }, doing);
        const other = add(far, { name: peer, kind: 'veth', mac: peerMac ?? fakeMac(lastIndex), mtu }, doing);
        near.peer = { link: other, network: far };
        other.peer = { link: near, network };
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
        if (operation.hairpin !== undefined) link.hairpin = operation.hairpin;
        return;
      }
      default:
        return applyAddressing(network, operation);
    }
  };

  const links: Links = {
    apply(operations, namespace = '') {
      const network = networkAt(namespace);
      for (const operation of operations) apply(network, operation);
    },
    list: (namespace = '') => networkAt(namespace).links.map(publicLink),
    routes(namespace = '') {
      const network = networkAt(namespace);
      const connected = network.links
        .filter((link) => link.isUp && link.kind !== 'loopback')
        .flatMap((link) => link.addresses.map((cidr) => ({ to: subnetOf(cidr), link: link.name })));
      return [...network.routes, ...connected];
    },
  };

  return {
    links,
    open: (path) => void networks.set(path, fresh()),
    close(path) {
      for (const link of networks.get(path)?.links ?? []) if (link.peer) removeLink(networkAt(path), link);
      networks.delete(path);
    },
  };
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

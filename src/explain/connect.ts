import { isIP } from 'node:net';
import { KindError } from '../base/errors.ts';
import { askName, listenersAt, pingFull, placeOf, readHost, trace, type ExplainKernel, type Place } from './connect-facts.ts';
import { ok, skipped, type ConnectionReport, type ConnectionStep, type Fault } from './connection.ts';
import type { ContainerFacts, NetworkFacts } from './docker-facts.ts';
import { nearest } from './nearest-name.ts';
import { hostPath, isOfHost, outLinkOf, type HostView } from './host-path.ts';

export interface ConnectQuestion {
  /** A container's name or ID, or `host`. */
  readonly from: string;
  /** A name or address. */
  readonly to: string;
  readonly port: number;
}

export interface ConnectWorld {
  readonly kernel: ExplainKernel;
  readonly containers: readonly ContainerFacts[];
  readonly networks: readonly NetworkFacts[];
}

/** Ends the chain at its first broken link. */
class Broken extends Error {
  readonly fault: Fault;
  readonly step: ConnectionStep;

  constructor(fault: Fault, link: ConnectionStep['link'], text: string, advice: string) {
    super(text);
    this.fault = fault;
    this.step = { link, state: 'broken', text, advice };
  }
}

/** Follows the chain name → address → rule → bridge → listener by the real facts, then tries for real. Changes nothing. */
export async function explainConnect(question: ConnectQuestion, world: ConnectWorld): Promise<ConnectionReport> {
  const steps: ConnectionStep[] = [];
  let fault: Fault | undefined;
  try {
    for await (const step of chain(question, world)) steps.push(step);
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
    fault = error.fault;
    steps.push(error.step);
  }
  return { ...question, works: fault === undefined, fault, steps };
}

async function* chain({ from, to, port }: ConnectQuestion, world: ConnectWorld): AsyncGenerator<ConnectionStep> {
  const { kernel, containers } = world;
  const source = from === 'host' ? undefined : findContainer(containers, from);
  yield checkRuns(source, 'from');
  const here = placeOf(kernel, source);
  const host = await readHost(kernel);
  const { address, step } = await resolve(to, source, here, world);
  yield step;
  const destination = await findDestination({ address, port, source, here, host, world });
  yield* destination.steps;
  const { target, targetPort } = destination;
  if (target) {
    yield checkListener(kernel, target, targetPort, destination.targetAddress);
    yield await checkMtu(kernel, here, target, destination.targetAddress, source === undefined);
  }
  yield await confirm(kernel, here, address, port);
}

function findContainer(containers: readonly ContainerFacts[], reference: string): ContainerFacts {
  const found =
    containers.find(({ name }) => name === reference) ??
    containers.find(({ id }) => id === reference || (reference.length >= 4 && id.startsWith(reference)));
  if (!found)
    throw new KindError('notFound', `No such container: ${reference}: give a container's name, or "host" (docker ps -a lists them)`);
  return found;
}

function checkRuns(container: ContainerFacts | undefined, link: 'from' | 'target'): ConnectionStep {
  if (!container) return ok(link, 'from the host itself');
  const { name, status } = container;
  if (status === 'paused')
    throw new Broken('paused', link, `container ${name} is paused: its programs stand still`, `docker unpause ${name}`);
  if (status !== 'running')
    throw new Broken('not-running', link, `container ${name} is ${status}`, `docker start ${name}; docker logs ${name} tells why it ended`);
  return ok(link, `container ${name} is running`);
}

interface Resolved {
  readonly address: string;
  readonly step: ConnectionStep;
}

async function resolve(to: string, source: ContainerFacts | undefined, here: Place, world: ConnectWorld): Promise<Resolved> {
  if (isIP(to) !== 0) return { address: to, step: skipped('name', `${to} is an address`) };
  if (to === 'localhost') return { address: '127.0.0.1', step: ok('name', 'localhost is 127.0.0.1') };
  const byName = world.containers.filter(({ name, endpoints }) => name === to || endpoints.some(({ names }) => names.includes(to)));
  // `db` is a name before it is how somebody's ID begins.
  const bearers = byName.length > 0 ? byName : world.containers.filter(({ id }) => id.startsWith(to));
  if (!source) return resolveOnHost(to, bearers);
  const named = source.endpoints.filter(({ network }) => isNamed(network));
  const shared = bearers.flatMap((bearer) =>
    bearer.endpoints.filter((endpoint) => named.some(({ networkId }) => networkId === endpoint.networkId)),
  );
  if (bearers.length > 0 && shared.length === 0) throw apart(to, source, bearers[0] as ContainerFacts);
  if (named.length === 0) {
    throw new Broken(
      'no-such-name',
      'name',
      `${source.name} is on the default bridge alone, where names are not resolved`,
      `docker network create app && docker network connect app ${source.name}, and the other container too`,
    );
  }
  const answer = await askName(here, to);
  if (answer === 'silent') {
    throw new Broken(
      'dns-down',
      'name',
      `the name service 127.0.0.11 inside ${source.name} does not answer`,
      `davit status shows whether davit runs; davit up starts it and names are served again`,
    );
  }
  const [address] = answer;
  if (address === undefined) {
    const known = world.containers
      .flatMap(({ endpoints }) => endpoints)
      .filter(({ networkId }) => named.some((own) => own.networkId === networkId));
    const close = nearest(
      to,
      known.flatMap(({ names }) => names),
    );
    const near = close === undefined ? '' : ` (is "${close}" meant?)`;
    throw new Broken(
      'no-such-name',
      'name',
      `nobody on the networks of ${source.name} is called ${to}${near}`,
      'docker network inspect lists who is on a network; --network-alias gives names',
    );
  }
  return { address, step: ok('name', `${to} is ${address}, by the name service 127.0.0.11 inside ${source.name}`) };
}

function isNamed(network: string): boolean {
  return !['bridge', 'host', 'none'].includes(network);
}

function resolveOnHost(to: string, bearers: readonly ContainerFacts[]): Resolved {
  const [bearer] = bearers;
  if (!bearer) throw new Broken('no-such-name', 'name', `no container is called ${to}`, 'docker ps -a lists containers');
  const address = bearer.endpoints.find(({ ipv4 }) => ipv4 !== '')?.ipv4;
  if (address === undefined) {
    checkRuns(bearer, 'target');
    throw new Broken(
      'no-route',
      'name',
      `container ${bearer.name} has no address of its own (network ${bearer.networkMode})`,
      'publish the port, or give it a network',
    );
  }
  return { address, step: ok('name', `container ${to} has the address ${address} (the host itself resolves no container names)`) };
}

function apart(to: string, source: ContainerFacts, bearer: ContainerFacts): Broken {
  if (bearer.status !== 'running') checkRuns(bearer, 'target');
  const names = (container: ContainerFacts): string =>
    container.endpoints.map(({ network }) => network).join(', ') || container.networkMode;
  const common =
    bearer.endpoints.map(({ network }) => network).find(isNamed) ?? source.endpoints.map(({ network }) => network).find(isNamed);
  const joiner = bearer.endpoints.some(({ network }) => network === common) ? source : bearer;
  const advice = common
    ? `docker network connect ${common} ${joiner.name}`
    : `docker network create app, and connect both to it: names are not resolved on the default bridge`;
  return new Broken(
    'other-network',
    'network',
    `${to} is on ${names(bearer)}, ${source.name} on ${names(source)}: they share no network with names`,
    advice,
  );
}

interface Destination {
  readonly steps: readonly ConnectionStep[];
  readonly target: ContainerFacts | undefined;
  readonly targetAddress: string;
  readonly targetPort: number;
}

interface Way {
  readonly address: string;
  readonly port: number;
  readonly source: ContainerFacts | undefined;
  readonly here: Place;
  readonly host: HostView;
  readonly world: ConnectWorld;
}

async function findDestination(way: Way): Promise<Destination> {
  const { address, port, source, here, host, world } = way;
  if (source && (isOfHost({ links: here.links }, address) || here.namespace === undefined)) {
    if (here.namespace !== undefined) {
      const steps = [ok('address', `${address} is ${source.name} itself: no rule of the host is met`)];
      return { steps, target: source, targetAddress: address, targetPort: port };
    }
  }
  const own = endpointAt(world.containers, address);
  const shared = source && own && source.endpoints.find(({ networkId }) => networkId === own.endpoint.networkId);
  const network = world.networks.find(({ id }) => id === (shared?.networkId ?? source?.endpoints[0]?.networkId));
  const inLink = source ? network?.bridge : undefined;
  const path = hostPath(host, {
    source: shared?.ipv4 ?? source?.endpoints[0]?.ipv4 ?? (address.startsWith('127.') ? '127.0.0.1' : address),
    destination: address,
    protocol: 'tcp',
    port,
    inLink,
  });
  const steps: ConnectionStep[] = [];
  if (path.translation) steps.push(ok('address', `published: ${path.translation.rule}`));
  const final = path.translation ? endpointAt(world.containers, path.translation.address) : own;
  const [targetAddress, targetPort] = path.translation ? [path.translation.address, path.translation.port] : [address, port];
  if (!path.translation && isOfHost(host, address)) {
    checkUnpublished(way);
    steps.push(ok('address', `${address} is this host`));
  }
  if (path.verdict !== 'accept') throw dropped(path.by ?? `the ${path.table} table`, address, port);
  if (!path.translation && own && !isOfHost(host, address))
    steps.push(ok('address', `${address} is container ${own.container.name} on network ${own.endpoint.network}`));
  if (path.ends === undefined)
    throw new Broken(
      'no-route',
      'network',
      `this host has no route to ${targetAddress}`,
      'ip route shows the routes; davit puts those of its own networks back within 2 s',
    );
  if (path.ends !== 'host')
    steps.push(ok('rule', `${path.by ? `let through by: ${path.by}` : 'no rule in the way'}; leaves by ${path.ends.link}`));
  if (final) steps.push(checkRuns(final.container, 'target'));
  return { steps, target: final?.container, targetAddress, targetPort };
}

function endpointAt(containers: readonly ContainerFacts[], address: string) {
  for (const container of containers) {
    const endpoint = container.endpoints.find(({ ipv4, ipv6 }) => (ipv4 === address || ipv6 === address) && address !== '');
    if (endpoint) return { container, endpoint };
  }
  return undefined;
}

/** The host's own address, and nothing translates: a program of the host answers, or somebody forgot to publish. */
function checkUnpublished({ port, address, world }: Way): void {
  const { kernel, containers } = world;
  const host: Place = { namespace: undefined, links: [] };
  if (listenersAt(kernel, host, 'tcp').some((each) => each.port === port)) return;
  const candidates = containers.filter((container) => container.status === 'running' && container.networkMode !== 'host');
  const elsewhere = candidates.flatMap((container) =>
    container.ports.filter((each) => each.hostPort === port).map((each) => ({ container, each })),
  )[0];
  const unpublished = candidates.find((container) => listensOn(kernel, container, port));
  const text = elsewhere
    ? `port ${port} of ${elsewhere.container.name} is published at ${elsewhere.each.hostIp}, not at ${address}`
    : `nothing publishes port ${port} of this host${unpublished ? `: ${unpublished.name} listens on ${port} inside and does not publish it` : ''}`;
  const advice = unpublished
    ? `start ${unpublished.name} again with -p ${port}:${port}, or ask it by its own address ${unpublished.endpoints[0]?.ipv4 ?? ''}:${port}`
    : 'docker ps shows what is published; docker run -p HOST:CONTAINER publishes';
  throw new Broken('port-unpublished', 'address', text, advice);
}

function listensOn(kernel: ExplainKernel, container: ContainerFacts, port: number): boolean {
  return listenersAt(kernel, placeOf(kernel, container), 'tcp').some((each) => each.port === port);
}

function dropped(by: string, address: string, port: number): Broken {
  const isDockerUser = by.startsWith('-A DOCKER-USER');
  const advice = isDockerUser
    ? `iptables -D ${by.slice(3)} takes it away; the chain DOCKER-USER is yours`
    : /ISOLATION|-A DOCKER-FORWARD/.test(by)
      ? `it keeps networks apart: connect both containers to one network, or publish the port`
      : `iptables-save shows it; whoever made it can take it away`;
  return new Broken('dropped-by-rule', 'rule', `a packet to ${address}:${port} is stopped by: ${by}`, advice);
}

function checkListener(kernel: ExplainKernel, target: ContainerFacts, port: number, address: string): ConnectionStep {
  const all = listenersAt(kernel, placeOf(kernel, target), 'tcp').filter((each) => each.address !== '127.0.0.11');
  const here = all.filter((each) => each.port === port);
  const isAsked = ({ address: at }: { readonly address: string }): boolean => ['0.0.0.0', '::', address, `::ffff:${address}`].includes(at);
  const found = here.find(isAsked);
  if (found) return ok('listener', `${found.program ?? 'a program'} of ${target.name} listens on ${found.address}:${port}`);
  const [elsewhere] = here;
  if (elsewhere) {
    throw new Broken(
      'listening-on-loopback',
      'listener',
      `${elsewhere.program ?? 'the program'} of ${target.name} listens on ${elsewhere.address}:${port} only, which nobody outside the container reaches`,
      `make it listen on 0.0.0.0 (or on ${address})`,
    );
  }
  const ports = [...new Set(all.filter((each) => isAsked(each)).map((each) => each.port))];
  if (ports.length > 0) {
    throw new Broken(
      'wrong-port',
      'listener',
      `nothing in ${target.name} listens on ${port}; it listens on ${ports.join(', ')}`,
      `ask for port ${ports[0]}`,
    );
  }
  throw new Broken(
    'nothing-listening',
    'listener',
    `nothing in ${target.name} listens on any TCP port`,
    `docker logs ${target.name} tells whether its program is still starting or failed`,
  );
}

/** The smallest packet size of the links on the way, and whether a packet of the sender's full size gets through. */
async function checkMtu(
  kernel: ExplainKernel,
  here: Place,
  target: ContainerFacts,
  address: string,
  fromHost: boolean,
): Promise<ConnectionStep> {
  if (address.includes(':') || address.startsWith('127.')) return skipped('mtu', 'packet sizes are not looked at here');
  const hostLinks = kernel.links.list();
  const there = placeOf(kernel, target);
  const receiver = there.links.find(({ addresses }) => addresses.some((cidr) => cidr.split('/')[0] === address));
  const out = outLinkOf({ routes: kernel.links.routes(here.namespace) }, address);
  const sender = here.links.find(({ name }) => name === out);
  if (!receiver || !sender || sender.kind === 'loopback') return skipped('mtu', 'the connection stays inside');
  const smaller = hostLinks.filter(({ name, mtu }) => (name === receiver.master || name === sender.master) && mtu < sender.mtu);
  if (await pingFull(here, address, sender.mtu)) return ok('mtu', `a packet of ${sender.mtu} bytes gets there and back`);
  if (!(await pingFull(here, address, 100))) return skipped('mtu', 'pings are not answered: packet sizes cannot be tried');
  const where = [...smaller, ...(receiver.mtu < sender.mtu ? [receiver] : [])].map(({ name, mtu }) => `${name} ${mtu}`).join(', ');
  throw new Broken(
    'mtu',
    'mtu',
    `small packets get through, one of ${sender.mtu} bytes does not: ${fromHost ? 'the host' : 'the sender'}'s ${sender.name} sends ${sender.mtu}, the receiver's ${receiver.name} takes ${receiver.mtu}${where ? ` (smaller: ${where})` : ''}`,
    `give the links of the network one size: docker network create -o com.docker.network.driver.mtu=${Math.min(receiver.mtu, sender.mtu)}`,
  );
}

async function confirm(kernel: ExplainKernel, here: Place, address: string, port: number): Promise<ConnectionStep> {
  const { result, met } = await trace(kernel, here, address, port);
  if (result === 'connected') return ok('trace', `tried: the connection comes about${met.length > 0 ? `, past ${met.at(-1)}` : ''}`);
  const culprit = met.findLast((rule) => /-j (?:DROP|REJECT)/.test(rule));
  if (culprit)
    throw new Broken(
      'dropped-by-rule',
      'trace',
      `tried: ${result}, and this rule met the packet: ${culprit}`,
      'iptables-save shows it; whoever made it can take it away',
    );
  throw new Broken(
    'unexplained',
    'trace',
    `everything known is in order, but a real attempt ends in: ${result}`,
    'rules of nftables beside iptables, or a firewall inside the container, may be the reason: nft list ruleset',
  );
}

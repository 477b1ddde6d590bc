import { anyOf, flagOf, labelsMatch, type Filters } from '../api/docker/filters.ts';
import { KindError } from '../base/errors.ts';
import type { Container, ContainerState } from '../engine/containers/container.ts';
import { stateOf } from '../engine/containers/state.ts';
import type { Image } from '../engine/images/images.ts';
import { parsePort } from './parse/ports.ts';

export const containerFilters = [
  'id',
  'name',
  'label',
  'status',
  'exited',
  'ancestor',
  'network',
  'publish',
  'expose',
  'volume',
  'health',
  'before',
  'since',
  'is-task',
  'isolation',
];

const states: readonly string[] = ['created', 'restarting', 'running', 'removing', 'paused', 'exited', 'dead'] satisfies ContainerState[];

export interface ListOptions {
  readonly all: boolean;
  readonly limit: number | undefined;
  readonly filters: Filters;
}

/** Which rows `docker ps` shows, newest first. `images` by ID, for `ancestor`. */
export function selectContainers(
  containers: readonly Container[],
  images: ReadonlyMap<string, Image>,
  options: ListOptions,
): readonly Container[] {
  const { filters } = options;
  checkValues(filters);
  const limit = options.limit && options.limit > 0 ? options.limit : undefined;
  const showAll = options.all || limit !== undefined || filters.has('status') || filters.has('exited');
  const before = boundary(containers, filters, 'before');
  const since = boundary(containers, filters, 'since');
  const selected = containers.filter((container) => {
    if (!showAll && !['running', 'paused', 'restarting'].includes(stateOf(container))) return false;
    if (before && container.createdAt.getTime() >= before.createdAt.getTime()) return false;
    if (since && container.createdAt.getTime() <= since.createdAt.getTime()) return false;
    return matches(container, images, filters);
  });
  return limit === undefined ? selected : selected.slice(0, limit);
}

function matches(container: Container, images: ReadonlyMap<string, Image>, filters: Filters): boolean {
  return (
    anyOf(filters, 'id', (id) => found(id, container.id)) &&
    anyOf(filters, 'name', (name) => found(name, container.name) || found(name, `/${container.name}`)) &&
    labelsMatch(filters, container.labels) &&
    anyOf(filters, 'status', (state) => stateOf(container) === state) &&
    anyOf(filters, 'exited', (code) => stateOf(container) === 'exited' && container.exitCode === Number(code)) &&
    anyOf(filters, 'ancestor', (reference) => isAncestor(reference, container, images)) &&
    anyOf(filters, 'network', (network) =>
      container.endpoints.some((end) => end.networkName === network || end.networkId.startsWith(network)),
    ) &&
    anyOf(filters, 'publish', (port) => container.ports.some((given) => isPort(port, given.hostPort, given.protocol))) &&
    anyOf(filters, 'expose', (port) => exposes(container, port)) &&
    anyOf(filters, 'volume', (volume) =>
      container.mounts.some((mount) => mount.name === volume || mount.target === volume || mount.source === volume),
    ) &&
    anyOf(filters, 'health', (health) => (container.health?.status ?? 'none') === health) &&
    anyOf(filters, 'is-task', (value) => value === 'false')
  );
}

/** Filters on names are regular expressions; one that is not valid matches as plain text. */
function found(pattern: string, text: string): boolean {
  try {
    return new RegExp(pattern).test(text);
  } catch {
    return text.includes(pattern);
  }
}

function exposes(container: Container, wanted: string): boolean {
  const keys = [...(container.spec.exposedPorts ?? []), ...container.ports.map((port) => `${port.containerPort}/${port.protocol}`)];
  return keys.map(parsePort).some(({ port, protocol }) => isPort(wanted, port, protocol));
}

/** `80`, `80/tcp`, `8000-8080`. */
function isPort(wanted: string, port: number | undefined, protocol: string): boolean {
  const [range = '', wantedProtocol = 'tcp'] = wanted.split('/');
  const [from = '', to = from] = range.split('-');
  return port !== undefined && protocol === wantedProtocol && port >= Number(from) && port <= Number(to);
}

/** The image by name or ID, or one that was built on it. */
function isAncestor(reference: string, container: Container, images: ReadonlyMap<string, Image>): boolean {
  const chain: Image[] = [];
  for (let image = images.get(container.imageId); image; image = image.parent && images.get(image.parent)) chain.push(image);
  const name = /[:@][^/]*$/.test(reference) ? reference : `${reference}:latest`;
  const hex = reference.replace(/^sha256:/, '');
  return (
    container.spec.image === reference ||
    chain.some((image) => image.names.includes(name) || (hex.length >= 4 && image.id.slice('sha256:'.length).startsWith(hex)))
  );
}

function boundary(containers: readonly Container[], filters: Filters, name: 'before' | 'since'): Container | undefined {
  const reference = filters.get(name)?.[0];
  if (reference === undefined) return undefined;
  const match = containers.find((one) => one.name === reference.replace(/^\//, '') || one.id.startsWith(reference));
  if (!match) throw new KindError('notFound', `No such container: ${reference}`);
  return match;
}

function checkValues(filters: Filters): void {
  for (const state of filters.get('status') ?? []) {
    if (!states.includes(state)) throw new KindError('invalid', `invalid filter 'status=${state}'`);
  }
  for (const code of filters.get('exited') ?? []) {
    if (!/^\d+$/.test(code)) throw new KindError('invalid', `strconv.Atoi: parsing "${code}": invalid syntax`);
  }
  for (const health of filters.get('health') ?? []) {
    if (!['starting', 'healthy', 'unhealthy', 'none'].includes(health))
      throw new KindError('invalid', `unrecognised filter value for health: ${health}`);
  }
  for (const name of ['publish', 'expose']) {
    for (const port of filters.get(name) ?? []) {
      const [number = ''] = port.split(/[-/]/);
      if (!/^\d+$/.test(number))
        throw new KindError(
          'invalid',
          `error while looking up for ${name} ${port}: strconv.ParseUint: parsing "${number}": invalid syntax`,
        );
    }
  }
  flagOf(filters, 'is-task');
}

import type { EngineEvent, Events } from '../events/events.ts';
import type { NetworkRoom } from '../network/open-networks.ts';
import type { Container } from './container.ts';

type Event = Omit<EngineEvent, 'time'>;
type Joining = Pick<Container, 'id' | 'endpoints' | 'mounts'>;

/** What is told of a container that is removed while it runs. */
export const killed: readonly (readonly [action: string, attributes: Readonly<Record<string, string>>])[] = [
  ['kill', { signal: '9' }],
  ['die', { exitCode: '137' }],
];

interface Telling {
  readonly events: Events;
  readonly network: Pick<NetworkRoom, 'find'>;
}

/** What a container takes part in from the start of a run: its networks, then its volumes. */
export function tellJoined({ events, network }: Telling, container: Joining): void {
  for (const event of joined(container, network)) events.publish(event);
}

/** And until its end. */
export function tellLeft({ events, network }: Telling, container: Joining): void {
  for (const event of left(container, network)) events.publish(event);
}

function joined(container: Joining, networks: Pick<NetworkRoom, 'find'>): readonly Event[] {
  const mounted = container.mounts.flatMap(({ name, target, readOnly, propagation }) =>
    name ? [volumeEvent(container, name, 'mount', { destination: target, propagation, 'read/write': String(!readOnly) })] : [],
  );
  return [...networkEvents(container, networks, 'connect'), ...mounted];
}

function left(container: Joining, networks: Pick<NetworkRoom, 'find'>): readonly Event[] {
  const unmounted = container.mounts.flatMap(({ name }) => (name ? [volumeEvent(container, name, 'unmount', {})] : []));
  return [...networkEvents(container, networks, 'disconnect'), ...unmounted];
}

function networkEvents({ id: container, endpoints }: Joining, networks: Pick<NetworkRoom, 'find'>, action: string): readonly Event[] {
  return endpoints.flatMap(({ networkId: id, networkName: name }) => {
    const type = driverOf(networks, id);
    return type === undefined ? [] : [{ type: 'network' as const, action, id, attributes: { container, name, type } }];
  });
}

/** `none` calls itself null; undefined: the network is gone. */
function driverOf(networks: Pick<NetworkRoom, 'find'>, id: string): string | undefined {
  try {
    return networks.find(id).driver;
  } catch {
    return undefined;
  }
}

function volumeEvent({ id: container }: Joining, name: string, action: string, more: Readonly<Record<string, string>>): Event {
  return { type: 'volume', action, id: name, attributes: { container, driver: 'local', ...more } };
}

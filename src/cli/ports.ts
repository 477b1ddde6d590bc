import type { Config } from '../daemon/config.ts';
import { listenersAt, placeOf, readHost } from '../explain/connect-facts.ts';
import { readContainers } from '../explain/docker-facts.ts';
import { portReach, type PortReach, type Reach } from '../explain/port-reach.ts';
import { openKernel } from '../kernel/linux.ts';
import { dockerGet } from './docker-facts.ts';
import { table } from './table.ts';

/** `davit ports`: who can reach each published port, by the rules as they are now. */
export async function ports(flags: Partial<Config>, output: 'text' | 'json'): Promise<void> {
  const containers = await readContainers(dockerGet(flags));
  await using kernel = await openKernel();
  const host = await readHost(kernel);
  const reaches = containers.flatMap((container) => {
    if (container.ports.length === 0) return [];
    const place = placeOf(kernel, container);
    const heard = { tcp: listenersAt(kernel, place, 'tcp'), udp: listenersAt(kernel, place, 'udp') };
    return container.ports.map((port) => {
      const isLoopback = (address: string): boolean => address.startsWith('127.') || address === '::1';
      const found =
        port.protocol === 'sctp'
          ? undefined
          : heard[port.protocol].some((each) => each.port === port.containerPort && !isLoopback(each.address));
      return portReach(host, container, port, found);
    });
  });
  if (output === 'json') process.stdout.write(`${JSON.stringify({ ports: reaches }, undefined, 2)}\n`);
  else process.stdout.write(reaches.length === 0 ? 'No container publishes a port.\n' : render(reaches));
}

function render(reaches: readonly PortReach[]): string {
  const rows = reaches.map((reach) => [
    reach.container,
    `${reach.hostIp.includes(':') ? `[${reach.hostIp}]` : reach.hostIp}:${reach.hostPort}`,
    `${reach.containerPort}/${reach.protocol}`,
    reach.listens === undefined ? '?' : reach.listens ? 'yes' : 'no',
    ...[reach.loopback, reach.lan, reach.world].map(({ reachable }) => (reachable ? 'yes' : 'no')),
    rules(reach),
  ]);
  const doubts = [...new Set(reaches.flatMap((reach) => reach.doubts))].map((rule) => `not understood, taken for not matching: ${rule}\n`);
  return table([['CONTAINER', 'HOST', 'PORT', 'LISTENS', 'LOOPBACK', 'LAN', 'WORLD', 'DECIDED BY'], ...rows]) + doubts.join('');
}

/** One text for those that the same rule decides about. */
function rules({ loopback, lan, world }: PortReach): string {
  const named: readonly (readonly [string, Reach])[] = [
    ['loopback', loopback],
    ['lan', lan],
    ['world', world],
  ];
  const byReason = Map.groupBy(named, ([, { because }]) => because);
  if (byReason.size === 1) return loopback.because;
  return Array.from(byReason, ([because, who]) => `${who.map(([name]) => name).join(', ')}: ${because}`).join('; ');
}

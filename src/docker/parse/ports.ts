import { KindError } from '../../base/errors.ts';
import type { PortBinding } from '../../engine/network/networks.ts';

type Protocol = PortBinding['protocol'];

/** `80/tcp`, `80`. */
export function parsePort(given: string): { readonly port: number; readonly protocol: Protocol } {
  const [number = '', protocol = 'tcp'] = given.split('/');
  return { port: portNumber(number, given), protocol: protocolOf(protocol, given) };
}

/** Keys of ExposedPorts, ranges (`8000-8010/tcp`) spelled out. */
export function parseExposed(exposed: Readonly<Record<string, unknown>> | undefined): readonly string[] | undefined {
  return exposed && Object.keys(exposed).flatMap(expandRange);
}

function expandRange(given: string): readonly string[] {
  const [range = '', protocol = 'tcp'] = given.split('/');
  const [first = '', last = first] = range.split('-');
  const from = portNumber(first, given);
  const to = portNumber(last, given);
  if (to < from) throw new KindError('invalid', `invalid port specification: "${given}"`);
  return Array.from({ length: to - from + 1 }, (_, index) => `${from + index}/${protocolOf(protocol, given)}`);
}

type Bindings = Readonly<Record<string, readonly { readonly HostIp?: string; readonly HostPort?: string }[]>>;

export function parsePortBindings(bindings: Bindings | undefined): readonly PortBinding[] {
  return Object.entries(bindings ?? {}).flatMap(([key, hosts]) => {
    const { port, protocol } = parsePort(key);
    const wanted = hosts.length > 0 ? hosts : [{}];
    return wanted.map(({ HostIp, HostPort }) => ({
      containerPort: port,
      protocol,
      hostIp: HostIp || undefined,
      ...hostPort(HostPort ?? ''),
    }));
  });
}

/** `8080`, empty or `0` for a free one, `8000-8010` for the first of it that is free. */
function hostPort(given: string): Pick<PortBinding, 'hostPort' | 'hostPortRange'> {
  if (given === '' || given === '0') return { hostPort: undefined };
  if (!given.includes('-')) return { hostPort: portNumber(given, given) };
  const [from, to] = given.split('-').map((digits) => portNumber(digits, given));
  if (from === undefined || to === undefined || to < from) throw new KindError('invalid', `invalid port specification: "${given}"`);
  return { hostPort: undefined, hostPortRange: { from, to } };
}

function portNumber(digits: string, given: string): number {
  const port = Number(digits);
  if (/^\d+$/.test(digits) && port > 0 && port < 65536) return port;
  throw new KindError('invalid', `invalid port specification: "${given}"`);
}

function protocolOf(protocol: string, given: string): Protocol {
  const lower = protocol.toLowerCase();
  if (lower === 'tcp' || lower === 'udp' || lower === 'sctp') return lower;
  throw new KindError('invalid', `invalid proto: ${protocol} in "${given}"`);
}

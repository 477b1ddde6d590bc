import type { Link } from './links.ts';

interface Port {
  readonly number: number;
  readonly protocol: string;
}

/**
 * What `--link db:store` puts into the environment. Pure.
 *
 *   STORE_PORT=tcp://172.17.0.2:80          the lowest port
 *   STORE_PORT_80_TCP[_ADDR|_PORT|_PROTO]   of each port
 *   STORE_PORT_7000_TCP[_PORT]_START, _END  of three and more that follow one another
 *   STORE_NAME=/user/store, STORE_ENV_…     its name here, its own variables
 *
 * `exposed`: `80/tcp`. `owner`: name of the container that has the link.
 */
export function linkEnvironment({ alias, other, address }: Link, owner: string, exposed: readonly string[]): readonly string[] {
  const prefix = alias.toUpperCase().replaceAll('-', '_');
  const ports = portsOf(exposed);
  const url = ({ number, protocol }: Port): string => `${protocol}://${address}:${number}`;
  const name = ({ number, protocol }: Port): string => `${prefix}_PORT_${number}_${protocol.toUpperCase()}`;
  return [
    ...ports.slice(0, 1).map((port) => `${prefix}_PORT=${url(port)}`),
    ...runsOf(ports).flatMap(({ first, last }) => [
      `${name(first)}_START=${url(first)}`,
      `${name(first)}_PORT_START=${first.number}`,
      `${name(first)}_END=${url(last)}`,
      `${name(first)}_PORT_END=${last.number}`,
    ]),
    ...ports.flatMap((port) => [
      `${name(port)}=${url(port)}`,
      `${name(port)}_ADDR=${address}`,
      `${name(port)}_PORT=${port.number}`,
      `${name(port)}_PROTO=${port.protocol}`,
    ]),
    `${prefix}_NAME=/${owner}/${alias}`,
    ...other.env.filter((line) => line.includes('=') && !/^(?:HOME|PATH)=/.test(line)).map((line) => `${prefix}_ENV_${line}`),
  ];
}

function portsOf(exposed: readonly string[]): readonly Port[] {
  return [...new Set(exposed)]
    .map((text) => {
      const [number = '', protocol = 'tcp'] = text.split('/');
      return { number: Number(number), protocol };
    })
    .toSorted((a, b) => a.number - b.number || (a.protocol === 'tcp' ? -1 : 1));
}

/** Three and more ports of consecutive numbers. */
function runsOf(ports: readonly Port[]): readonly { readonly first: Port; readonly last: Port }[] {
  const runs: { first: Port; last: Port; count: number }[] = [];
  for (const port of ports) {
    const run = runs.at(-1);
    if (run && port.number === run.last.number + 1 && port.protocol === run.last.protocol) {
      run.last = port;
      run.count += 1;
    } else runs.push({ first: port, last: port, count: 1 });
  }
  return runs.filter(({ count }) => count > 2);
}

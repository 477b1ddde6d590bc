import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { KindError, systemCode } from '../../base/errors.ts';
import { listenersOn } from '../../kernel/listeners.ts';
import type { PortBinding } from './networks.ts';

/** A host port that a container holds. */
export interface HeldPort {
  readonly protocol: string;
  readonly hostIp: string;
  readonly hostPort: number;
  readonly holder: string;
}

/**
 * Chooses and checks the host ports of a container: against other containers (`held`) and, by binding for a moment, against the host's own programs.
 * A wish without a number gets a free one from the kernel.
 */
export async function claimPorts(
  ownerName: string,
  wanted: readonly PortBinding[],
  held: readonly HeldPort[],
): Promise<readonly Required<PortBinding>[]> {
  const claimed: Required<PortBinding>[] = [];
  for (const binding of wanted) {
    const hostIp = !binding.hostIp || binding.hostIp === '::' ? '0.0.0.0' : binding.hostIp;
    const taken = [
      ...held,
      ...claimed.map(({ protocol, hostIp: ip, hostPort }) => ({ protocol, hostIp: ip, hostPort, holder: ownerName })),
    ];
    const hostPort = await choose({ ...binding, hostIp, hostPort: binding.hostPort ?? 0 }, taken, ownerName);
    claimed.push({ containerPort: binding.containerPort, protocol: binding.protocol, hostIp, hostPort });
  }
  return claimed;
}

async function choose(wish: Required<PortBinding>, held: readonly HeldPort[], ownerName: string): Promise<number> {
  const holderOf = (port: number): HeldPort | undefined =>
    held.find(
      ({ protocol, hostIp, hostPort }) =>
        protocol === wish.protocol && hostPort === port && (hostIp === wish.hostIp || hostIp === '0.0.0.0' || wish.hostIp === '0.0.0.0'),
    );
  const failed = `driver failed programming external connectivity on endpoint ${ownerName}: Bind for ${wish.hostIp}:${wish.hostPort} failed: port is already allocated`;
  const holder = wish.hostPort === 0 ? undefined : holderOf(wish.hostPort);
  if (holder) throw new KindError('conflict', `${failed} (by ${holder.holder})`);
  for (;;) {
    const port = await probe(wish, failed);
    if (!holderOf(port)) return port;
  }
}

/** Binds and lets go: proves that no program of the host listens there. */
async function probe({ protocol, hostIp, hostPort }: Required<PortBinding>, failed: string): Promise<number> {
  if (protocol === 'sctp') return hostPort;
  try {
    return protocol === 'udp' ? await probeUdp(hostIp, hostPort) : await probeTcp(hostIp, hostPort);
  } catch (error) {
    if (systemCode(error) === 'EADDRINUSE')
      throw new KindError('conflict', `${failed} (${holderOnHost(hostPort, protocol)})`, { cause: error });
    if (systemCode(error) === 'EADDRNOTAVAIL')
      throw new KindError('invalid', failed.replace('port is already allocated', `this host has no address ${hostIp}`), { cause: error });
    throw error;
  }
}

async function probeTcp(host: string, port: number): Promise<number> {
  const server = createServer();
  server.listen({ host, port, exclusive: true });
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address ? address.port : port;
}

async function probeUdp(address: string, port: number): Promise<number> {
  const socket = createSocket('udp4');
  socket.bind({ address, port, exclusive: true });
  try {
    await once(socket, 'listening');
    return socket.address().port;
  } finally {
    socket.close();
  }
}

/** `by nginx (pid 12)`. */
function holderOnHost(port: number, protocol: 'tcp' | 'udp'): string {
  const holder = listenersOn(port, protocol).find(({ pid }) => pid !== undefined);
  return holder ? `by ${holder.program} (pid ${holder.pid})` : 'by a program of this host';
}

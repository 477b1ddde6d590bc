import { closeSync } from 'node:fs';
import { parseAddress } from './ip-address.ts';
import { native, systemError } from './native.ts';
import { boundPort, socketAddress } from './port-probe.ts';

const [inet, stream, datagram, closeOnExec] = [2, 1, 2, 0o2000000];
const tries = 20;

/** A UDP and a TCP socket bound to the same free port, as descriptors for dgram and net (`{ fd }`), which own them from then on. */
export interface SocketPair {
  readonly udp: number;
  readonly tcp: number;
  readonly port: number;
}

/** In this thread's network namespace; the sockets stay there, and keep it alive, until they are closed. */
export function bindSocketPair(address: string): SocketPair {
  for (let attempt = 1; ; attempt++) {
    const udp = bound(datagram, address, 0);
    const port = boundPort(udp);
    try {
      return { udp, tcp: bound(stream, address, port), port };
    } catch (error) {
      closeSync(udp);
      if (attempt === tries) throw error;
    }
  }
}

function bound(type: number, address: string, port: number): number {
  const fd = native.socket(inet, type | closeOnExec, 0);
  if (fd < 0) throw systemError('open a socket');
  const wanted = socketAddress(4, parseAddress(address).bytes, port);
  if (native.bind(fd, wanted, wanted.length) === 0) return fd;
  const error = systemError(`bind ${address} port ${port}`);
  closeSync(fd);
  throw error;
}

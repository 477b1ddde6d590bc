import { closeSync } from 'node:fs';
import { parseAddress } from './ip-address.ts';
import { native, systemError } from './native.ts';

const families = { 4: 2, 6: 10 } as const;
const [stream, datagram, closeOnExec] = [1, 2, 0o2000000];
const [solSocket, reuseAddress] = [1, 2];
const [ipv6Level, ipv6Only] = [41, 26];

/**
 * Binds (and for TCP listens) for a moment in this thread's network namespace and gives the port; 0 = the kernel's choice.
 * Some 10 µs, nothing stays. Throws the kernel's refusal (`details.code`: EADDRINUSE, EADDRNOTAVAIL).
 */
export function probePort(protocol: 'tcp' | 'udp', address: string, port: number): number {
  const { family, bytes } = parseAddress(address);
  const fd = native.socket(families[family], (protocol === 'tcp' ? stream : datagram) | closeOnExec, 0);
  if (fd < 0) throw systemError(`open a ${protocol} socket`);
  try {
    const on = Buffer.from([1, 0, 0, 0]);
    // As servers do: connections that are just ending do not count.
    if (protocol === 'tcp') native.setsockopt(fd, solSocket, reuseAddress, on, on.length);
    if (family === 6) native.setsockopt(fd, ipv6Level, ipv6Only, on, on.length);
    const wanted = socketAddress(family, bytes, port);
    if (native.bind(fd, wanted, wanted.length) !== 0) throw systemError(`bind ${address} port ${port}`);
    if (protocol === 'tcp' && native.listen(fd, 1) !== 0) throw systemError(`listen on ${address} port ${port}`);
    return boundPort(fd);
  } finally {
    closeSync(fd);
  }
}

/** struct sockaddr_in, sockaddr_in6 */
export function socketAddress(family: 4 | 6, bytes: Buffer, port: number): Buffer {
  const buffer = Buffer.alloc(family === 4 ? 16 : 28);
  buffer.writeUInt16LE(families[family], 0);
  buffer.writeUInt16BE(port, 2);
  bytes.copy(buffer, family === 4 ? 4 : 8);
  return buffer;
}

export function boundPort(fd: number): number {
  const [address, length] = [Buffer.alloc(28), [28]];
  if (native.getsockname(fd, address, length) !== 0) throw systemError('read the address of a socket');
  return address.readUInt16BE(2);
}

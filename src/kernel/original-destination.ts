import { formatAddress } from './ip-address.ts';
import { native, systemError } from './native.ts';

const [solIpv6, originalDestinationOption] = [41, 80];

/** Where an IPv6 connection was going before the kernel redirected it here (IP6T_SO_ORIGINAL_DST); its own end when it was not redirected. */
export function originalDestination(fd: number): { readonly address: string; readonly port: number } {
  const [address, length] = [Buffer.alloc(28), [28]];
  if (native.getsockopt(fd, solIpv6, originalDestinationOption, address, length) !== 0)
    throw systemError('read the original destination of a connection');
  return { address: formatAddress(address.subarray(8, 24)), port: address.readUInt16BE(2) };
}

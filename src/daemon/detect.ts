import { networkInterfaces } from 'node:os';

/** The address other hosts reach this one at: the first global IPv4 of an interface that is not a bridge or tunnel of ours. */
export function detectNodeIp(): string | undefined {
  const ours = /^(lo|docker|davit|br-|veth|dv|cni|flannel)/;
  for (const [name, addresses] of Object.entries(networkInterfaces())) {
    const found = addresses?.find((address) => address.family === 'IPv4' && !address.internal);
    if (found && !ours.test(name)) return found.address;
  }
  return undefined;
}

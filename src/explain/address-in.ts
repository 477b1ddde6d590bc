import { BlockList, isIP } from 'node:net';

/** Whether an address lies in a CIDR; a bare address is itself. */
export function addressIn(address: string, cidr: string): boolean {
  const [base = '', length] = cidr.split('/');
  const family = isIP(address);
  if (family === 0 || isIP(base) !== family) return false;
  const type = family === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  if (length === undefined) list.addAddress(base, type);
  else list.addSubnet(base, Number(length), type);
  return list.check(address, type);
}

import { isKind } from '../../base/errors.ts';
import type { LinkOperation, Links } from '../../kernel/links.ts';

/** Pure: how the link gets to have exactly these single addresses; networks on it and what others keep there stay. */
export function planAddresses(
  name: string,
  wanted: readonly string[],
  present: readonly string[],
  others: readonly string[],
): readonly LinkOperation[] {
  const single = present.filter((cidr) => cidr.endsWith('/32')).map((cidr) => cidr.slice(0, -3));
  const add = [...new Set(wanted)].filter((address) => !single.includes(address));
  const remove = single.filter((address) => !wanted.includes(address) && !others.includes(address));
  return [
    ...remove.map((address) => ({ do: 'deleteAddress' as const, name, cidr: `${address}/32` })),
    ...add.map((address) => ({ do: 'addAddress' as const, name, cidr: `${address}/32` })),
  ];
}

/** Makes balancer addresses this host's own, so that it answers for them to its neighbours. Nothing without the link. */
export function keepAddresses(links: Links, name: string, wanted: readonly string[], others: readonly string[]): void {
  const link = links.list().find((one) => one.name === name);
  if (!link) return;
  for (const operation of planAddresses(name, wanted, link.addresses, others)) {
    try {
      links.apply([operation]);
    } catch (error) {
      if (!isKind(error, 'alreadyExists') && !isKind(error, 'notFound')) throw error;
    }
  }
}

import type { LinkOperation } from '../../kernel/links.ts';
import { toNumber } from './cidr.ts';

/** One attachment of a network namespace to a bridge, as link operations. */
export interface Attachment {
  readonly bridge: string;
  readonly netnsPath: string;
  /** `eth0` inside. */
  readonly interfaceName: string;
  /** `172.17.0.2/16`. */
  readonly cidr: string;
  readonly mac: string;
  /** Default route; undefined for second and internal networks. */
  readonly gateway: string | undefined;
  /** Names the host's end. */
  readonly endpointId: string;
}

export function hostInterface(endpointId: string): string {
  return `veth${endpointId.slice(0, 7)}`;
}

export function planAttach(attachment: Attachment): { readonly host: readonly LinkOperation[]; readonly inside: readonly LinkOperation[] } {
  const { bridge, netnsPath, interfaceName, cidr, mac, gateway, endpointId } = attachment;
  const name = hostInterface(endpointId);
  return {
    host: [
      { do: 'addVeth', name, peer: interfaceName, peerNamespace: netnsPath, peerMac: mac },
      { do: 'setMaster', name, master: bridge, hairpin: true },
      { do: 'setUp', name },
    ],
    inside: [
      { do: 'addAddress', name: interfaceName, cidr },
      { do: 'setUp', name: interfaceName },
      ...(gateway ? [{ do: 'addRoute' as const, to: 'default', via: gateway }] : []),
    ],
  };
}

/** 172.17.0.2 → 02:42:ac:11:00:02, as Docker does. */
export function macOf(address: string): string {
  const hex = toNumber(address).toString(16).padStart(8, '0');
  return `02:42:${hex.match(/../g)?.join(':')}`;
}

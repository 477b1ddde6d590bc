/** rtnetlink as data: a plan is a list of operations, applied in order, in the current or a pinned network namespace. */
export type LinkOperation =
  | { readonly do: 'addBridge'; readonly name: string; readonly mac?: string; readonly mtu?: number }
  /** `peerNamespace`: path of a pinned namespace that receives the peer at birth. */
  | {
      readonly do: 'addVeth';
      readonly name: string;
      readonly peer: string;
      readonly peerNamespace?: string;
      readonly peerMac?: string;
      readonly mtu?: number;
    }
  /** Made in `namespace` on a parent of this one. */
  | {
      readonly do: 'addMacvlan';
      readonly name: string;
      readonly parent: string;
      readonly mode: 'private' | 'vepa' | 'bridge' | 'passthru';
      readonly namespace: string;
      readonly mac?: string;
      readonly mtu?: number;
    }
  | { readonly do: 'deleteLink'; readonly name: string }
  | { readonly do: 'setUp'; readonly name: string }
  | { readonly do: 'setDown'; readonly name: string }
  | { readonly do: 'setMaster'; readonly name: string; readonly master: string; readonly hairpin?: boolean }
  /** `cidr` as `172.17.0.2/16`. IPv6 addresses are usable at once (no duplicate address detection). */
  | { readonly do: 'addAddress'; readonly name: string; readonly cidr: string }
  | { readonly do: 'deleteAddress'; readonly name: string; readonly cidr: string }
  /** `to`: `default` (of the family of `via`) or a CIDR. */
  /** `from`: the source address that this host takes on the way there. */
  | { readonly do: 'addRoute'; readonly to: string; readonly via?: string; readonly name?: string; readonly from?: string }
  | { readonly do: 'deleteRoute'; readonly to: string; readonly via?: string; readonly name?: string };

export interface Link {
  readonly index: number;
  readonly name: string;
  /** `bridge`, `veth`, `loopback`, … */
  readonly kind: string;
  readonly mac: string;
  readonly mtu: number;
  readonly isUp: boolean;
  readonly master?: string;
  /** IPv4 and IPv6, with prefix length. */
  readonly addresses: readonly string[];
}

export interface Route {
  readonly to: string;
  readonly via?: string;
  readonly link?: string;
}

/** Synchronous: some 50 µs per operation. Add of what is there: `alreadyExists`; use of what is not: `notFound`. */
export interface Links {
  apply(operations: readonly LinkOperation[], namespace?: string): void;
  /**
   * Deletes a link without making this thread wait: the kernel takes some 15 ms until nobody looks at it any more.
   * `notFound` when there is none.
   */
  remove(name: string): Promise<void>;
  list(namespace?: string): readonly Link[];
  routes(namespace?: string): readonly Route[];
}

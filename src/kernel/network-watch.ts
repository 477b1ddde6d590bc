/** What somebody (perhaps we ourselves) did to this network namespace, as the kernel announces it: no polling, nothing when idle. */
export type NetworkChange =
  | {
      readonly what: 'link';
      readonly name: string;
      readonly isGone: boolean;
      readonly isUp: boolean;
      readonly masterIndex: number | undefined;
    }
  | { readonly what: 'address'; readonly linkIndex: number; readonly cidr: string; readonly isGone: boolean }
  /** A route of the main table. */
  | { readonly what: 'route'; readonly to: string; readonly isGone: boolean }
  /** ip_forward of the whole host. */
  | { readonly what: 'forwarding'; readonly family: 4 | 6; readonly isOn: boolean }
  /** Chains, rules or the table itself: of nftables, which also holds those of iptables-nft. Elements of sets and maps are not told of. */
  | { readonly what: 'rules'; readonly table: string }
  /** So much happened at once that the kernel dropped announcements: anything may have changed. */
  | { readonly what: 'anything' };

export interface NetworkWatch {
  /** Announcements that came together are told together, in order. Those of our own changes come too. */
  watch(told: (changes: readonly NetworkChange[]) => void): Disposable;
}

import type { NftElementChange } from './nft-element.ts';
import type { NftWatch } from './nft-watch.ts';

/** iptables and nftables, written whole: callers render all of their chains each time. */
export interface Firewall {
  /** Feeds `iptables-restore --noflush --wait` (family 4) or `ip6tables-restore` (6). Atomic per table. */
  restore(rules: string, family?: 4 | 6): Promise<void>;
  /** `iptables-save`, all tables or one. */
  save(table?: string, family?: 4 | 6): Promise<string>;
  /** `iptables-save -c`: all tables, with the packets that each rule has met. */
  saveCounted(family: 4 | 6): Promise<string>;
  /** Feeds one atomic `nft -f -` transaction. */
  nft(script: string): Promise<void>;
  /** `nft -s list table …`; undefined when there is no such table. */
  nftTable(family: string, table: string): Promise<string | undefined>;
  /**
   * Changes elements of a table's sets and maps in one transaction without reading the table: milliseconds, however large it is.
   * `notFound` when the table, a collection or an element to remove is missing; then nothing is changed.
   */
  nftElements(family: string, table: string, change: NftElementChange): Promise<void>;
  /** Makes packets between ports of one bridge pass the IPv4 hooks (br_netfilter); false where the kernel cannot. */
  filterBridged(): boolean;
  /** Tells when somebody else changes a table, by the kernel's announcements: no polling, nothing when idle. */
  watchTable(family: string, table: string, told: () => void): NftWatch;
  /** Makes the kernel forget tracked UDP flows (IPv4), so that their next packet is translated anew; how many there were. */
  forgetFlows(isStale: (flow: TrackedFlow) => boolean): number;
  /**
   * Number of the rule set in the kernel: any change by anybody raises it; some 15 µs. Undefined where rules are kept the old
   * way (iptables-legacy), which has no such number.
   */
  generation(): number | undefined;
}

/** A flow as it began, and by whom it is answered. Unequal `destination` and `replySource`: its destination was translated. */
export interface TrackedFlow {
  readonly source: string;
  readonly destination: string;
  readonly destinationPort: number;
  readonly replySource: string;
  readonly replySourcePort: number;
}

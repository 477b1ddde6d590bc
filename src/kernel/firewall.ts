/** iptables and nftables, written whole: callers render all of their chains each time. */
export interface Firewall {
  /** Feeds `iptables-restore --noflush --wait` (family 4) or `ip6tables-restore` (6). Atomic per table. */
  restore(rules: string, family?: 4 | 6): Promise<void>;
  /** `iptables-save`, all tables or one. */
  save(table?: string, family?: 4 | 6): Promise<string>;
  /** Feeds one atomic `nft -f -` transaction. */
  nft(script: string): Promise<void>;
  /** `nft -s list table …`; undefined when there is no such table. */
  nftTable(family: string, table: string): Promise<string | undefined>;
}

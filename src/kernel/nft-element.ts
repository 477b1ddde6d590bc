/** One element of a set, map or verdict map, in the words of nft: `10.96.0.7 . tcp . 80` and, for maps, `10.244.0.2 . 8080` or `goto web`. */
export interface NftElement {
  /** Name of the set or map. */
  readonly collection: string;
  /** Addresses, protocol names and ports, joined by ` . `. */
  readonly key: string;
  readonly value?: string;
}

export interface NftElementChange {
  /** Taken away first. */
  readonly remove: readonly NftElement[];
  readonly add: readonly NftElement[];
}

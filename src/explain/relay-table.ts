/** Which IPv6 connections of this host are carried by davit's relay, as its nftables table says. */
export interface RelayView {
  /** The port that they are redirected to, which the host's INPUT rules see. */
  readonly listener: number;
  /** `8080`: at every address; `::1 . 8080`. */
  readonly keys: ReadonlySet<string>;
}

export const relayTable = 'davit_relay';

/** `listed`: of `nft list table ip6 davit_relay`. */
export function parseRelay(listed: string | undefined): RelayView | undefined {
  const listener = Number(/redirect to :(\d+)/.exec(listed ?? '')?.[1] ?? 0);
  if (listener === 0) return undefined;
  const elements = [...(listed?.matchAll(/elements = \{([^}]*)\}/g) ?? [])].flatMap(([, text = '']) => text.split(','));
  return { listener, keys: new Set(elements.map((key) => key.trim())) };
}

export function isRelayed({ keys }: RelayView, { destination, port }: { readonly destination: string; readonly port: number }): boolean {
  return keys.has(String(port)) || keys.has(`${destination} . ${port}`);
}

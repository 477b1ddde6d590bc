/** Why a connection comes about or does not: the chain from name to listener, link by link. */
export interface ConnectionStep {
  readonly link: 'from' | 'name' | 'address' | 'network' | 'rule' | 'target' | 'listener' | 'mtu' | 'trace';
  readonly state: 'ok' | 'broken' | 'skipped';
  readonly text: string;
  /** What to do about a broken link. */
  readonly advice?: string;
}

export interface ConnectionReport {
  readonly from: string;
  readonly to: string;
  readonly port: number;
  readonly works: boolean;
  /** The name of the first broken link's fault. */
  readonly fault: Fault | undefined;
  readonly steps: readonly ConnectionStep[];
}

export type Fault =
  | 'no-such-name'
  | 'other-network'
  | 'wrong-port'
  | 'nothing-listening'
  | 'listening-on-loopback'
  | 'dropped-by-rule'
  | 'port-unpublished'
  | 'mtu'
  | 'dns-down'
  | 'paused'
  | 'not-running'
  | 'no-route'
  | 'unexplained';

export function ok(link: ConnectionStep['link'], text: string): ConnectionStep {
  return { link, state: 'ok', text };
}

export function skipped(link: ConnectionStep['link'], text: string): ConnectionStep {
  return { link, state: 'skipped', text };
}

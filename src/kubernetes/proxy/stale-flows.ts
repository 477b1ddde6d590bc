import type { Backend } from './backends.ts';
import type { Frontend } from './service-port.ts';

/** Connections without an end of their own (UDP) that the kernel would go on sending where nobody is, or past the Service. */
export interface StaleFlow {
  /** Undefined: any address of this host. */
  readonly address: string | undefined;
  readonly port: number;
  /** Those translated to it; undefined: those never translated, from the time when nobody was there. */
  readonly backend: Backend | undefined;
}

/** Pure: what a Service's change makes stale. TCP is left to its two ends, as kube-proxy does. */
export function staleFlows(before: readonly Frontend[], now: readonly Frontend[]): readonly StaleFlow[] {
  const current = new Map(now.map((frontend) => [wayOf(frontend), frontend]));
  const previous = new Map(before.map((frontend) => [wayOf(frontend), frontend]));
  const gone = before.filter(isUdp).flatMap((frontend) => {
    const still = new Set(current.get(wayOf(frontend))?.backends.map(textOf));
    const { address, port } = frontend;
    return frontend.backends.filter((backend) => !still.has(textOf(backend))).map((backend) => ({ address, port, backend }));
  });
  const awake = now
    .filter((frontend) => isUdp(frontend) && frontend.backends.length > 0 && !previous.get(wayOf(frontend))?.backends.length)
    .map(({ address, port }) => ({ address, port, backend: undefined }));
  return [...gone, ...awake];
}

/** One flow as the kernel tracks it: towards `destination`, answered by `replySource`. */
export interface SeenFlow {
  readonly destination: string;
  readonly destinationPort: number;
  readonly replySource: string;
  readonly replySourcePort: number;
}

export function isStale(flow: SeenFlow, stale: readonly StaleFlow[]): boolean {
  return stale.some(({ address, port, backend }) => {
    if (flow.destinationPort !== port || (address !== undefined && flow.destination !== address)) return false;
    if (backend) return flow.replySource === backend.ip && flow.replySourcePort === backend.port;
    return flow.replySource === flow.destination;
  });
}

function isUdp({ protocol }: Frontend): boolean {
  return protocol === 'udp';
}

function wayOf({ view, address, protocol, port }: Frontend): string {
  return `${view} ${address} ${protocol} ${port}`;
}

function textOf({ ip, port }: Backend): string {
  return `${ip}:${port}`;
}

import type { PortBinding } from '../../engine/network/networks.ts';

type HostPort = { readonly HostIp: string; readonly HostPort: string };

const keyOf = (port: PortBinding): string => `${port.containerPort}/${port.protocol}`;

/** HostConfig.PortBindings: what was asked for. */
export function portBindings(ports: readonly PortBinding[]): Record<string, HostPort[]> {
  const bindings: Record<string, HostPort[]> = {};
  for (const port of ports) {
    (bindings[keyOf(port)] ??= []).push({ HostIp: port.hostIp ?? '', HostPort: hostPortText(port) });
  }
  return bindings;
}

function hostPortText({ hostPort, hostPortRange }: PortBinding): string {
  if (hostPortRange) return `${hostPortRange.from}-${hostPortRange.to}`;
  return hostPort === undefined ? '' : String(hostPort);
}

/** NetworkSettings.Ports: what is published now; exposed only = null. */
export function publishedPorts(exposed: readonly string[], ports: readonly PortBinding[]): Record<string, HostPort[] | null> {
  const published: Record<string, HostPort[] | null> = Object.fromEntries(exposed.map((key) => [key, null]));
  for (const port of ports) {
    const list = (published[keyOf(port)] ??= []);
    list.push({ HostIp: port.hostIp ?? '0.0.0.0', HostPort: String(port.hostPort ?? 0) });
  }
  return published;
}

export interface PortSummary {
  readonly IP?: string;
  readonly PrivatePort: number;
  readonly PublicPort?: number;
  readonly Type: string;
}

/** Ports of `docker ps`. */
export function portSummaries(exposed: readonly string[], ports: readonly PortBinding[]): PortSummary[] {
  const published = ports.map((port) => ({
    IP: port.hostIp ?? '0.0.0.0',
    PrivatePort: port.containerPort,
    PublicPort: port.hostPort,
    Type: port.protocol,
  }));
  const taken = new Set(ports.map(keyOf));
  const rest = exposed
    .filter((key) => !taken.has(key))
    .map((key) => ({ PrivatePort: Number.parseInt(key, 10), Type: key.split('/')[1] ?? 'tcp' }));
  return [...published, ...rest];
}

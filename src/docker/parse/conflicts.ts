import type { ContainerCreate, HostConfig } from '../../api/docker/container-create.ts';
import { KindError } from '../../base/errors.ts';

/** Options that cannot both be, in dockerd's words: a container in another's namespace has no ports, names or addresses of its own. */
export function checkConflicts(body: ContainerCreate, host: HostConfig): void {
  const network = host.NetworkMode ?? '';
  const joins = network.startsWith('container:');
  const some = (values: object | undefined): boolean => Object.keys(values ?? {}).length > 0;
  const conflicts: readonly (readonly [is: boolean, what: string])[] = [
    [joins && Boolean(body.Hostname), 'hostname and the network mode'],
    [host.UTSMode === 'host' && Boolean(body.Hostname), 'hostname and the UTS mode'],
    [joins && some(host.Links), "container type network can't be used with links. This would result in undefined behavior"],
    [network === 'host' && some(host.Links), "host type networking can't be used with links. This would result in undefined behavior"],
    [joins && some(host.Dns), 'dns and the network mode'],
    [joins && some(host.ExtraHosts), 'custom host-to-IP mapping and the network mode'],
    [joins && Boolean(body.MacAddress), 'mac-address and the network mode'],
    [joins && (some(host.PortBindings) || host.PublishAllPorts === true), 'port publishing and the container type network mode'],
    [joins && some(body.ExposedPorts), 'port exposing and the container type network mode'],
  ];
  const found = conflicts.find(([is]) => is);
  if (found) throw new KindError('invalid', `conflicting options: ${found[1]}`);
  const sysctl = network === 'host' ? Object.keys(host.Sysctls ?? {}).find((name) => name.startsWith('net.')) : undefined;
  if (sysctl !== undefined) throw new KindError('invalid', `sysctl "${sysctl}" not allowed in host network namespace`);
}

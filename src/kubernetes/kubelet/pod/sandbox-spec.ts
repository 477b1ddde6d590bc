import type { Pod } from '../../../api/kubernetes/types.generated.ts';
import type { SandboxSpec } from '../../../engine/containers/sandboxes.ts';
import { KindError } from '../../../base/errors.ts';
import { podLabels } from './observed.ts';

export interface SandboxFacts {
  /** Engine network of the pods. */
  readonly network: string;
  readonly clusterDns: string;
  readonly clusterDomain: string;
  readonly hostDns: SandboxSpec['dns'];
  readonly nodeName: string;
}

export function sandboxSpecOf(pod: Pod, facts: SandboxFacts): SandboxSpec {
  const { metadata, spec } = pod;
  const isHost = spec?.hostNetwork === true;
  return {
    id: metadata.uid ?? '',
    name: `${metadata.namespace}/${metadata.name}`,
    ...(isHost ? { hostname: facts.nodeName } : namesOf(pod, facts.clusterDomain)),
    network: isHost ? 'host' : facts.network,
    dns: dnsOf(pod, facts),
    hosts: (spec?.hostAliases ?? []).map((alias) => [alias.ip, ...(alias.hostnames ?? [])].join(' ')),
    sysctls: Object.fromEntries((spec?.securityContext?.sysctls ?? []).map((sysctl) => [sysctl.name, sysctl.value])),
    ports: isHost ? [] : hostPortsOf(pod),
    ...(spec?.shareProcessNamespace && !spec.hostPID && { sharesProcesses: true }),
    labels: {
      [podLabels.name]: metadata.name ?? '',
      [podLabels.namespace]: metadata.namespace ?? '',
      [podLabels.uid]: metadata.uid ?? '',
      [podLabels.type]: 'podsandbox',
    },
  };
}

/** With a subdomain the pod has a name in the cluster's DNS, which is its host name when it wants that. */
function namesOf(pod: Pod, clusterDomain: string): Pick<SandboxSpec, 'hostname' | 'domainname'> {
  const { subdomain, setHostnameAsFQDN } = pod.spec ?? {};
  const hostname = hostnameOf(pod);
  if (!subdomain) return { hostname };
  const domainname = `${subdomain}.${pod.metadata.namespace}.svc.${clusterDomain}`;
  if (!setHostnameAsFQDN) return { hostname, domainname };
  const full = `${hostname}.${domainname}`;
  if (full.length > 64)
    throw new KindError(
      'invalid',
      `failed to construct FQDN from pod hostname and cluster domain, FQDN ${full} is too long (64 characters is the max, ${full.length} characters requested)`,
    );
  return { hostname: full };
}

/** At most 63 characters, without a trailing dash or dot. */
export function hostnameOf(pod: Pod): string {
  const name = pod.spec?.hostname || (pod.metadata.name ?? '');
  return name.slice(0, 63).replace(/[-.]+$/, '');
}

/** kubernetes.io/docs/concepts/services-networking/dns-pod-service/#pod-s-dns-policy */
function dnsOf(pod: Pod, facts: SandboxFacts): SandboxSpec['dns'] {
  const { spec, metadata } = pod;
  const policy = spec?.dnsPolicy ?? 'ClusterFirst';
  const isCluster = policy === 'ClusterFirstWithHostNet' || (policy === 'ClusterFirst' && !spec?.hostNetwork);
  const domain = facts.clusterDomain;
  const cluster = {
    servers: [facts.clusterDns],
    search: [`${metadata.namespace}.svc.${domain}`, `svc.${domain}`, domain, ...facts.hostDns.search],
    options: ['ndots:5'],
  };
  const none = { servers: [], search: [], options: [] };
  const base = policy === 'None' ? none : isCluster ? cluster : facts.hostDns;
  const own = spec?.dnsConfig;
  const ownOptions = (own?.options ?? []).map((option) =>
    option.value === undefined ? (option.name ?? '') : `${option.name}:${option.value}`,
  );
  const names = new Set((own?.options ?? []).map((option) => option.name));
  return {
    servers: [...new Set([...base.servers, ...(own?.nameservers ?? [])])],
    search: [...new Set([...base.search, ...(own?.searches ?? [])])],
    options: [...base.options.filter((option) => !names.has(option.split(':')[0])), ...ownOptions],
  };
}

function hostPortsOf(pod: Pod): SandboxSpec['ports'] {
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  return containers
    .flatMap((container) => container.ports ?? [])
    .filter((port) => port.hostPort)
    .map((port) => ({
      containerPort: port.containerPort,
      protocol: port.protocol === 'UDP' ? 'udp' : port.protocol === 'SCTP' ? 'sctp' : 'tcp',
      hostPort: port.hostPort,
      ...(port.hostIP ? { hostIp: port.hostIP } : {}),
    }));
}

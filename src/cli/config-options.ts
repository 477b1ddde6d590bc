import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { KindError } from '../base/errors.ts';
import type { Config } from '../daemon/config.ts';

export type Flags = Readonly<Record<string, unknown>>;

export function withConfigOptions(command: Command): Command {
  const port = (text: string): number => Number(text);
  return command
    .option('--data-root <folder>', 'durable state (default /var/lib/davit)')
    .option('--run-root <folder>', 'sockets and other state of this boot (default /run/davit)')
    .option('--docker-socket <path>', 'also serve docker there, e.g. /var/run/docker.sock')
    .option('--node-name <name>', "this machine's name in the cluster")
    .option('--node-ip <address>', "this machine's address in the cluster")
    .option('--api-port <port>', 'port of the API server (default 6443)', port)
    .option('--kubelet-port <port>', 'port of the kubelet (default 10250)', port)
    .option('--load-balancer-pool <addresses>', 'addresses for Services of type LoadBalancer (default 10.97.0.0/24)')
    .option('--ingress-http-port <port>', 'port of the ingress gateway (default 80)', port)
    .option('--ingress-https-port <port>', 'its port for TLS (default 443)', port)
    .option('--eviction-hard <thresholds>', 'evict pods below memory.available<100Mi,nodefs.available<5%,… (the default)')
    .option('--eviction-soft <thresholds>', 'evict pods that long below these')
    .option('--eviction-soft-grace-period <times>', 'how long: memory.available=1m30s,…')
    .option('--pod-manifest-path <folder>', 'run the pods whose manifests are here, whatever the API server says', (path) => resolve(path))
    .option('--cgroup-parent <path>', 'parent of all containers’ cgroups (default /davit)')
    .option(
      '--default-address-pool <pool>',
      'base=10.0.0.0/8,size=24: where networks get their subnets (may be given more than once)',
      pools,
    )
    .addOption(
      new Option('--firewall <mode>', 'respect: INPUT rules of the host (ufw) also rule published ports (default own)').choices([
        'own',
        'respect',
      ]),
    )
    .option('--registry-mirror <url>', 'try this before Docker Hub (may be given more than once)', collect)
    .option('--insecure-registry <host>', 'host[:port] or address range that needs no verified TLS (may be given more than once)', collect)
    .option('--registry-certificates <folder>', 'authorities and client certificates by registry (default /etc/docker/certs.d)')
    .exitOverride();
}

/** As dockerd writes it. */
function pools(value: string, before: Config['addressRanges'] = []): Config['addressRanges'] {
  const [, base = '', digits = ''] = /^base=([0-9a-fA-F.:]+\/\d+),size=(\d+)$/.exec(value) ?? [];
  const size = Number(digits);
  const most = base.includes(':') ? 128 : 32;
  if (base === '' || size < Number(base.split('/')[1]) || size > most)
    throw new KindError(
      'invalid',
      `--default-address-pool ${value}: want base=10.0.0.0/8,size=24, the size not shorter than the base's prefix`,
    );
  return [...before, { base, size }];
}

function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** Where the cluster's objects are kept. */
export function withStoreOptions(command: Command): Command {
  const list = (text: string): readonly string[] => text.split(',').filter((part) => part !== '');
  return command
    .addOption(new Option('--store <kind>', 'where the cluster is kept (default embedded)').choices(['embedded', 'etcd']))
    .option('--etcd-endpoints <urls>', 'client URLs of etcd, separated by commas', list)
    .option('--etcd-prefix <path>', 'what the keys in etcd begin with (default /registry)')
    .option('--etcd-cafile <file>', 'certificates of the authority that etcd’s is checked against')
    .option('--etcd-certfile <file>', 'client certificate for etcd')
    .option('--etcd-keyfile <file>', 'its key');
}

/** What is noted of requests to the API server. */
export function withAuditOptions(command: Command): Command {
  return command
    .option('--audit-policy-file <file>', 'audit.k8s.io/v1 Policy: how much of which API request is noted', (path) => resolve(path))
    .option('--audit-log-path <file>', 'where it is noted, one event a line', (path) => resolve(path))
    .option('--audit-log-maxsize <megabytes>', 'put the file aside at this size (default 100)', Number)
    .option('--audit-log-maxbackup <count>', 'keep so many that were put aside (default all)', Number)
    .option('--audit-log-maxage <days>', 'keep those for so long (default for ever)', Number);
}

/** The configuration that the flags of `withConfigOptions` and `withStoreOptions` say. */
export function configFlags(flags: Flags): Partial<Config> {
  const {
    dataRoot,
    runRoot,
    dockerSocket,
    nodeName,
    nodeIp,
    apiPort,
    kubeletPort,
    cgroupParent,
    loadBalancerPool,
    ingressHttpPort,
    ingressHttpsPort,
  } = flags as Partial<Config>;
  const { evictionHard, evictionSoft, evictionSoftGracePeriod, podManifestPath } = flags as Partial<Config>;
  const { store, firewall, etcdEndpoints, etcdPrefix, etcdCafile, etcdCertfile, etcdKeyfile } = flags as Partial<Config>;
  const etcd = { store, etcdEndpoints, etcdPrefix, etcdCafile, etcdCertfile, etcdKeyfile };
  const { auditPolicyFile, auditLogPath, auditLogMaxsize, auditLogMaxbackup, auditLogMaxage } = flags as Partial<Config>;
  const audit = { auditPolicyFile, auditLogPath, auditLogMaxsize, auditLogMaxbackup, auditLogMaxage };
  const places = { dataRoot, runRoot, dockerSocket, cgroupParent };
  const { defaultAddressPool: addressRanges } = flags as { readonly defaultAddressPool?: Config['addressRanges'] };
  const ingress = { ingressHttpPort, ingressHttpsPort };
  return {
    ...places,
    addressRanges,
    firewall,
    nodeName,
    nodeIp,
    apiPort,
    kubeletPort,
    loadBalancerPool,
    evictionHard,
    podManifestPath,
    evictionSoft,
    evictionSoftGracePeriod,
    ...ingress,
    ...etcd,
    ...audit,
    ...registryFlags(flags),
  };
}

function registryFlags(flags: Flags): Partial<Config> {
  const { registryMirror, insecureRegistry, registryCertificates } = flags as {
    readonly registryMirror?: readonly string[];
    readonly insecureRegistry?: readonly string[];
    readonly registryCertificates?: string;
  };
  return { registryMirrors: registryMirror, insecureRegistries: insecureRegistry, registryCertificates };
}

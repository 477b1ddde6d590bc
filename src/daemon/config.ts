import { existsSync, readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { KindError } from '../base/errors.ts';
import { defaultHard, parseThresholds } from '../kubernetes/kubelet/eviction/thresholds.ts';
import { writePrivate } from './pki.ts';

/** Everything that tells one davit from another on the same machine. */
export interface Config {
  /** Durable state. */
  readonly dataRoot: string;
  /** State that dies with the boot. Short: Unix socket paths end at 107 bytes. */
  readonly runRoot: string;
  /** Where clients look that are told nothing, e.g. /var/run/docker.sock: served besides the socket below the run root. */
  readonly dockerSocket?: string;
  readonly nodeName: string;
  /** Address that the API server, the kubelet and NodePorts answer at, besides 127.0.0.1. */
  readonly nodeIp: string;
  readonly apiPort: number;
  readonly kubeletPort: number;
  readonly cgroupParent: string;
  readonly bridgeName: string;
  readonly bridgeAddress: string;
  /** Where networks that name no subnet get theirs; empty: Docker's own ranges. */
  readonly addressRanges: readonly { readonly base: string; readonly size: number }[];
  /** `own`: who reaches published ports is davit's to say, as with dockerd; `respect`: the host's INPUT rules say it too. */
  readonly firewall: 'own' | 'respect';
  readonly podBridgeName: string;
  readonly podCidr: string;
  readonly serviceCidr: string;
  /** Addresses that Services of type LoadBalancer get, on this host: networks, ranges, addresses, by commas; may be empty. */
  readonly loadBalancerPool: string;
  /** Where Ingresses are served, once there is one, on every address of this host. */
  readonly ingressHttpPort: number;
  readonly ingressHttpsPort: number;
  /** When pods are evicted: `memory.available<100Mi,nodefs.available<10%`; '': never. Soft ones with `memory.available=1m30s`. */
  readonly evictionHard: string;
  readonly evictionSoft: string;
  readonly evictionSoftGracePeriod: string;
  /** Folder of manifests of static pods. */
  readonly podManifestPath?: string;
  readonly clusterDns: string;
  readonly clusterDomain: string;
  /** Where the cluster's objects are kept: a file of the data root, or etcd. */
  readonly store: 'embedded' | 'etcd';
  readonly etcdEndpoints: readonly string[];
  /** What the keys begin with instead of `/registry`. */
  readonly etcdPrefix: string;
  /** PEM files. */
  readonly etcdCafile?: string;
  readonly etcdCertfile?: string;
  readonly etcdKeyfile?: string;
  /** How much of which request is noted (audit.k8s.io/v1 Policy), and where; both or neither. */
  readonly auditPolicyFile?: string;
  readonly auditLogPath?: string;
  /** A file is put aside at so many megabytes; so many that were put aside stay, for so many days (0: all). */
  readonly auditLogMaxsize: number;
  readonly auditLogMaxbackup: number;
  readonly auditLogMaxage: number;
  /** URLs tried before Docker Hub. */
  readonly registryMirrors: readonly string[];
  /** Hosts and address ranges that need no verified TLS; this machine itself never does. */
  readonly insecureRegistries: readonly string[];
  /** Folder with authorities and client certificates by registry, as `/etc/docker/certs.d`. */
  readonly registryCertificates: string;
}

export const defaults: Omit<Config, 'nodeName' | 'nodeIp'> = {
  dataRoot: '/var/lib/davit',
  runRoot: '/run/davit',
  apiPort: 6443,
  kubeletPort: 10250,
  cgroupParent: '/davit',
  bridgeName: 'docker0',
  bridgeAddress: '172.17.0.1/16',
  addressRanges: [],
  firewall: 'own',
  podBridgeName: 'davit0',
  podCidr: '10.244.0.0/24',
  serviceCidr: '10.96.0.0/16',
  loadBalancerPool: '10.97.0.0/24',
  ingressHttpPort: 80,
  ingressHttpsPort: 443,
  evictionHard: defaultHard,
  evictionSoft: '',
  evictionSoftGracePeriod: '',
  clusterDns: '10.96.0.10',
  clusterDomain: 'cluster.local',
  store: 'embedded',
  etcdEndpoints: [],
  etcdPrefix: '/registry',
  auditLogMaxsize: 100,
  auditLogMaxbackup: 0,
  auditLogMaxage: 0,
  registryMirrors: [],
  insecureRegistries: [],
  registryCertificates: '/etc/docker/certs.d',
};

/** Flags win over the environment (DAVIT_DATA_ROOT, DAVIT_RUN_ROOT), which wins over what the last `davit up` of this run root wrote, then the defaults. */
export function loadConfig(
  flags: Partial<Config>,
  environment: Readonly<Record<string, string | undefined>>,
  detected: { readonly nodeIp: string | undefined },
): Config {
  const runRoot = flags.runRoot ?? environment['DAVIT_RUN_ROOT'] ?? defaults.runRoot;
  const saved = savedConfig(runRoot);
  const fromEnvironment = environment['DAVIT_DATA_ROOT'] ? { dataRoot: environment['DAVIT_DATA_ROOT'] } : {};
  const own = { nodeName: hostname().toLowerCase(), nodeIp: detected.nodeIp ?? '127.0.0.1' };
  const given = Object.fromEntries(Object.entries(flags).filter(([, value]) => value !== undefined));
  const config: Config = { ...defaults, ...own, ...saved, ...fromEnvironment, ...given, runRoot };
  checkConfig(config);
  checkStore(config, flags);
  checkAudit(config);
  return config;
}

export function configPath(runRoot: string): string {
  return join(runRoot, 'config.json');
}

export function saveConfig(config: Config): void {
  writePrivate(configPath(config.runRoot), `${JSON.stringify(config, undefined, 2)}\n`);
}

function savedConfig(runRoot: string): Partial<Config> {
  const path = configPath(runRoot);
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Partial<Config>) : {};
}

function checkConfig(config: Config): void {
  for (const root of [config.dataRoot, config.runRoot, ...(config.dockerSocket ? [config.dockerSocket] : [])]) {
    if (!root.startsWith('/')) throw new KindError('invalid', `davit's folders and sockets must be absolute paths, "${root}" is not`);
  }
  for (const port of [config.apiPort, config.kubeletPort, config.ingressHttpPort, config.ingressHttpsPort]) {
    if (!Number.isInteger(port) || port < 1 || port > 65_535) throw new KindError('invalid', `port ${port}: want a number from 1 to 65535`);
  }
  if (config.firewall !== 'own' && config.firewall !== 'respect')
    throw new KindError('invalid', `--firewall=${String(config.firewall)}: want own or respect`);
  parseThresholds(config.evictionHard);
  parseThresholds(config.evictionSoft, config.evictionSoftGracePeriod);
  for (const mirror of config.registryMirrors) {
    if (!/^https?:$/.test(URL.parse(mirror)?.protocol ?? ''))
      throw new KindError('invalid', `registry mirror ${mirror}: want a URL such as https://mirror.example`);
  }
  if (config.runRoot.length > 40) {
    throw new KindError('invalid', `run root ${config.runRoot} is too long: sockets below it must fit in 107 bytes, so keep it under 40`);
  }
}

function checkAudit({ auditPolicyFile, auditLogPath, auditLogMaxsize, auditLogMaxbackup, auditLogMaxage }: Config): void {
  if ((auditPolicyFile === undefined) !== (auditLogPath === undefined))
    throw new KindError('invalid', '--audit-policy-file and --audit-log-path belong together: give both');
  for (const path of [auditPolicyFile, auditLogPath])
    if (path !== undefined && !path.startsWith('/'))
      throw new KindError('invalid', `the audit policy and its log must be absolute paths, "${path}" is not`);
  if (![auditLogMaxsize, auditLogMaxbackup, auditLogMaxage].every((one) => Number.isInteger(one) && one >= 0) || auditLogMaxsize === 0)
    throw new KindError(
      'invalid',
      '--audit-log-maxsize, --audit-log-maxbackup and --audit-log-maxage: want whole numbers, the size at least 1',
    );
}

function checkStore(config: Config, flags: Partial<Config>): void {
  const { store, etcdEndpoints, etcdPrefix, etcdCertfile, etcdKeyfile } = config;
  if (store !== 'embedded' && store !== 'etcd') throw new KindError('invalid', `--store=${String(store)}: want embedded or etcd`);
  if (store === 'embedded' && flags.etcdEndpoints) throw new KindError('invalid', '--etcd-endpoints is for --store=etcd: add it');
  if (store === 'embedded') return;
  if (etcdEndpoints.length === 0) {
    throw new KindError(
      'invalid',
      '--store=etcd needs the client URLs of etcd, such as --etcd-endpoints=https://10.0.0.1:2379,https://10.0.0.2:2379',
    );
  }
  if ((etcdCertfile === undefined) !== (etcdKeyfile === undefined)) {
    throw new KindError('invalid', '--etcd-certfile and --etcd-keyfile belong together: give both');
  }
  if (!/^(\/[^/]+)+$/.test(etcdPrefix)) throw new KindError('invalid', `--etcd-prefix=${etcdPrefix}: want a path such as /registry`);
}

/** The well-known paths below the roots. */
export function pathsOf(config: Config): {
  readonly dockerSocket: string;
  readonly kubeconfig: string;
  readonly pki: string;
  readonly serverStore: string;
  readonly engineStore: string;
  readonly logs: string;
} {
  return {
    dockerSocket: join(config.runRoot, 'docker.sock'),
    kubeconfig: join(config.dataRoot, 'admin.kubeconfig'),
    pki: join(config.dataRoot, 'pki'),
    serverStore: join(config.dataRoot, 'server', 'store.db'),
    engineStore: join(config.dataRoot, 'engine', 'store.db'),
    logs: join(config.dataRoot, 'log'),
  };
}

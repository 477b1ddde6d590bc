import { mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Log } from '../base/log.ts';
import { serveDocker } from '../docker/serve.ts';
import type { Engine } from '../engine/engine.ts';
import { proxiesOf } from '../engine/registry/proxies.ts';
import { openEngine } from '../engine/open.ts';
import type { Kernel } from '../kernel/kernel.ts';
import { openKernel } from '../kernel/linux.ts';
import type { Client } from '../kubernetes/client/client.ts';
import { httpClient } from '../kubernetes/client/http-client.ts';
import { startDns } from '../kubernetes/dns/start.ts';
import { startIngress } from '../kubernetes/ingress/start.ts';
import { startKubelet } from '../kubernetes/kubelet/start.ts';
import { startPolicies } from '../kubernetes/policy/start.ts';
import { startProxy } from '../kubernetes/proxy/start.ts';
import { openStore } from '../store/embedded.ts';
import { type Config, pathsOf, saveConfig } from './config.ts';
import { loadCredentials } from './credentials.ts';
import { foreground } from './foreground.ts';
import { machineConfig } from './load.ts';
import { createLog } from './log.ts';
import { measureLoop } from './loop-delay.ts';
import { version } from './version.ts';

type Daemon = AsyncDisposable & { readonly sockets: readonly string[] };

/** `davit engine`: the container engine and its Docker socket, without a cluster. */
export async function runEngine(flags: Partial<Config>): Promise<void> {
  process.title = 'davit engine';
  const config = machineConfig(flags);
  const log = createLog('engine');
  measureLoop(join(config.runRoot, 'loop-delay.json'), process.env);
  saveConfig(config);
  await foreground('engine', config.runRoot, log, async () => {
    await using starting = new AsyncDisposableStack();
    await startEngine(config, log, starting);
    const running = starting.move();
    return { sockets: dockerSockets(config).map((path) => `unix://${path}`), [Symbol.asyncDispose]: () => running.disposeAsync() };
  });
}

/** `davit node`: engine and agent (kubelet, proxy, DNS) of one machine in one process. */
export async function runNode(flags: Partial<Config>): Promise<void> {
  process.title = 'davit node';
  const config = machineConfig(flags);
  const log = createLog('node');
  measureLoop(join(config.runRoot, 'loop-delay.json'), process.env);
  await foreground('node', config.runRoot, log, () => startNode(config, log));
}

/** Opens kernel, store and engine below the configured roots; the caller owns them through the stack. */
export async function openMachine(
  config: Config,
  log: Log,
  owner: AsyncDisposableStack,
): Promise<{ readonly kernel: Kernel; readonly engine: Engine }> {
  const runRoot = join(config.runRoot, 'engine');
  mkdirSync(dirname(pathsOf(config).engineStore), { recursive: true, mode: 0o700 });
  mkdirSync(runRoot, { recursive: true, mode: 0o711 });
  const kernel = owner.use(await openKernel({ runtimeRoot: join(config.runRoot, 'runc') }));
  const store = owner.use(await openStore({ path: pathsOf(config).engineStore }));
  const engine = owner.use(
    await openEngine({
      kernel,
      store,
      log: log.child({ part: 'engine' }),
      config: {
        dataRoot: join(config.dataRoot, 'engine'),
        runRoot,
        cgroupParent: config.cgroupParent,
        bridgeName: config.bridgeName,
        bridgeAddress: config.bridgeAddress,
        ...(config.addressRanges.length > 0 && { addressRanges: config.addressRanges }),
        firewall: config.firewall,
        hostName: config.nodeName,
        registries: {
          mirrors: config.registryMirrors,
          insecure: config.insecureRegistries,
          certificates: config.registryCertificates,
          proxies: proxiesOf(process.env),
        },
      },
    }),
  );
  return { kernel, engine };
}

async function startEngine(
  config: Config,
  log: Log,
  owner: AsyncDisposableStack,
): Promise<{ readonly kernel: Kernel; readonly engine: Engine }> {
  const machine = await openMachine(config, log, owner);
  owner.use(
    await serveDocker({
      engine: machine.engine,
      sockets: dockerSockets(config).map((path) => ({ path, ...(path === config.dockerSocket && { group: 'docker' }) })),
      log: log.child({ part: 'docker' }),
      version,
      cgroupVersion: machine.kernel.cgroups.version,
    }),
  );
  return machine;
}

async function startNode(config: Config, log: Log): Promise<Daemon> {
  await using starting = new AsyncDisposableStack();
  const { kernel, engine } = await startEngine(config, log, starting);
  const credentials = await loadCredentials(config);
  const tls = { ca: credentials.ca, ...credentials.node };
  const client = starting.use(httpClient({ server: `https://127.0.0.1:${config.apiPort}`, ...tls }));
  const { nodeName, nodeIp, podCidr, podBridgeName, clusterDns, clusterDomain, evictionHard, evictionSoft, evictionSoftGracePeriod } =
    config;
  starting.use(
    await startKubelet({
      client,
      tokens: client,
      engine,
      kernel,
      nodeName,
      nodeIp,
      port: config.kubeletPort,
      podCidr,
      podBridgeName,
      clusterDns,
      clusterDomain,
      ...(config.podManifestPath !== undefined && { podManifestPath: config.podManifestPath }),
      evictionHard,
      evictionSoft,
      evictionSoftGracePeriod,
      dataRoot: join(config.dataRoot, 'kubelet'),
      cgroupParent: config.cgroupParent,
      tls,
      log: log.child({ part: 'kubelet' }),
    }),
  );
  await startClusterNetwork({ config, client, kernel, fallbackCertificate: credentials.node, log }, starting);
  const running = starting.move();
  return {
    sockets: [...dockerSockets(config).map((path) => `unix://${path}`), `https://${nodeIp}:${config.kubeletPort}`],
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

interface ClusterNetwork {
  readonly config: Config;
  readonly client: Client;
  readonly kernel: Kernel;
  readonly fallbackCertificate: { readonly cert: string; readonly key: string };
  readonly log: Log;
}

/** What makes Services, policies, Ingresses and names work on this node; the stack owns it. */
async function startClusterNetwork(
  { config, client, kernel, fallbackCertificate, log }: ClusterNetwork,
  owner: AsyncDisposableStack,
): Promise<void> {
  const { nodeName, podCidr, podBridgeName, clusterDns, clusterDomain } = config;
  owner.use(
    await startProxy({
      client,
      kernel,
      nodeName,
      podCidr,
      bridgeName: podBridgeName,
      otherAddresses: [clusterDns],
      log: log.child({ part: 'proxy' }),
    }),
  );
  owner.use(await startPolicies({ client, kernel, nodeName, dnsAddress: clusterDns, log: log.child({ part: 'policy' }) }));
  owner.use(
    await startIngress({
      client,
      address: '0.0.0.0',
      httpPort: config.ingressHttpPort,
      httpsPort: config.ingressHttpsPort,
      fallbackCertificate,
      log: log.child({ part: 'ingress' }),
    }),
  );
  owner.use(
    await startDns({
      client,
      kernel,
      address: clusterDns,
      port: 53,
      clusterDomain,
      bridgeName: podBridgeName,
      log: log.child({ part: 'dns' }),
    }),
  );
}

function dockerSockets(config: Config): readonly string[] {
  return [pathsOf(config).dockerSocket, ...(config.dockerSocket ? [config.dockerSocket] : [])];
}

import type { ContainerImage, Node, NodeCondition, NodeStatus, Quantity } from '../../../api/kubernetes/types.generated.ts';

/** What is known of the host that a Node stands for. */
export interface HostFacts {
  readonly nodeName: string;
  readonly nodeIp: string;
  readonly hostName: string;
  readonly port: number;
  readonly podCidr: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
  /** Node.js' name: `x64`, `arm64`. */
  readonly architecture: string;
  readonly kernelVersion: string;
  readonly osImage: string;
  readonly machineId: string;
  readonly bootId: string;
  readonly runtimeVersion: string;
}

export const kubeletVersion = 'v1.35.0';
const maximumPods = 250;

export function nodeObject(facts: HostFacts, now: Date): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name: facts.nodeName, labels: nodeLabels(facts), annotations: { 'node.alpha.kubernetes.io/ttl': '0' } },
    spec: { podCIDR: facts.podCidr, podCIDRs: [facts.podCidr] },
    status: nodeStatus(facts, undefined, [], now),
  };
}

export function nodeLabels(facts: HostFacts): Readonly<Record<string, string>> {
  const architecture = goArchitecture(facts.architecture);
  return {
    'beta.kubernetes.io/arch': architecture,
    'beta.kubernetes.io/os': 'linux',
    'kubernetes.io/arch': architecture,
    'kubernetes.io/hostname': facts.nodeName,
    'kubernetes.io/os': 'linux',
  };
}

export function capacityOf(facts: Pick<HostFacts, 'cpus' | 'memoryBytes' | 'diskBytes'>): Readonly<Record<string, Quantity>> {
  return {
    cpu: String(facts.cpus),
    'ephemeral-storage': `${Math.floor(facts.diskBytes / 1024)}Ki`,
    'hugepages-1Gi': '0',
    'hugepages-2Mi': '0',
    memory: `${Math.floor(facts.memoryBytes / 1024)}Ki`,
    pods: String(maximumPods),
  };
}

export function nodeStatus(
  facts: HostFacts,
  before: NodeStatus | undefined,
  images: readonly ContainerImage[],
  now: Date,
  pressures: ReadonlySet<string> = new Set(),
): NodeStatus {
  return {
    addresses: [
      { type: 'InternalIP', address: facts.nodeIp },
      { type: 'Hostname', address: facts.hostName },
    ],
    capacity: capacityOf(facts),
    allocatable: capacityOf(facts),
    conditions: conditions(before?.conditions ?? [], now, pressures),
    daemonEndpoints: { kubeletEndpoint: { Port: facts.port } },
    images,
    nodeInfo: {
      architecture: goArchitecture(facts.architecture),
      bootID: facts.bootId,
      containerRuntimeVersion: facts.runtimeVersion,
      kernelVersion: facts.kernelVersion,
      kubeProxyVersion: '',
      kubeletVersion,
      machineID: facts.machineId,
      operatingSystem: 'linux',
      osImage: facts.osImage,
      systemUUID: facts.machineId,
    },
  };
}

const pressureTexts: readonly (readonly [string, readonly [string, string], readonly [string, string]])[] = [
  [
    'MemoryPressure',
    ['KubeletHasSufficientMemory', 'kubelet has sufficient memory available'],
    ['KubeletHasInsufficientMemory', 'kubelet has insufficient memory available'],
  ],
  ['DiskPressure', ['KubeletHasNoDiskPressure', 'kubelet has no disk pressure'], ['KubeletHasDiskPressure', 'kubelet has disk pressure']],
  [
    'PIDPressure',
    ['KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
    ['KubeletHasInsufficientPID', 'kubelet has insufficient PID available'],
  ],
];

/** Transition times stay where the status stays. */
function conditions(before: readonly NodeCondition[], now: Date, pressures: ReadonlySet<string>): readonly NodeCondition[] {
  const time = now.toISOString().replace(/\.\d+Z$/, 'Z');
  const facts: readonly [string, string, string, string][] = [
    ...pressureTexts.map(([type, calm, acute]): [string, string, string, string] =>
      pressures.has(type) ? [type, 'True', ...acute] : [type, 'False', ...calm],
    ),
    ['Ready', 'True', 'KubeletReady', 'kubelet is posting ready status'],
  ];
  return facts.map(([type, status, reason, message]) => {
    const old = before.find((condition) => condition.type === type);
    const since = old?.status === status ? (old.lastTransitionTime ?? time) : time;
    return { type, status, reason, message, lastHeartbeatTime: time, lastTransitionTime: since };
  });
}

function goArchitecture(architecture: string): string {
  return architecture === 'x64' ? 'amd64' : architecture;
}

import type {
  ConfigMap,
  Deployment,
  Endpoints,
  EndpointSlice,
  Event,
  Lease,
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  ReplicaSet,
  Secret,
  Service,
  ServiceAccount,
  StatefulSet,
  StorageClass,
  ControllerRevision,
} from '../../../api/kubernetes/types.generated.ts';
import { age } from './age.ts';
import { clusterColumns } from './cluster-columns.ts';
import { type Column, columns, labels, list, name, none, selector, templateColumns } from './column.ts';
import { summarize } from './pod-status.ts';
import { workloadColumns } from './workload-columns.ts';

const pods = columns<Pod>(
  { name: 'Ready', cell: (pod) => `${summarize(pod).ready}/${summarize(pod).total}` },
  { name: 'Status', cell: (pod) => summarize(pod).status },
  {
    name: 'Restarts',
    cell: (pod, now) => {
      const { restarts, lastRestart } = summarize(pod);
      return restarts > 0 && lastRestart ? `${restarts} (${age(lastRestart, now)} ago)` : String(restarts);
    },
  },
  { name: 'IP', wide: true, cell: (pod) => pod.status?.podIP ?? none },
  { name: 'Node', wide: true, cell: (pod) => pod.spec?.nodeName ?? none },
  { name: 'Nominated Node', wide: true, cell: (pod) => pod.status?.nominatedNodeName ?? none },
  {
    name: 'Readiness Gates',
    wide: true,
    cell: (pod) => {
      const gates = pod.spec?.readinessGates ?? [];
      const isTrue = (type: string): boolean => pod.status?.conditions?.some((one) => one.type === type && one.status === 'True') === true;
      return gates.length === 0 ? none : `${gates.filter((gate) => isTrue(gate.conditionType)).length}/${gates.length}`;
    },
  },
);

const deployments = columns<Deployment>(
  { name: 'Ready', cell: ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 1}` },
  { name: 'Up-to-date', type: 'integer', cell: ({ status }) => status?.updatedReplicas ?? 0 },
  { name: 'Available', type: 'integer', cell: ({ status }) => status?.availableReplicas ?? 0 },
  ...(templateColumns as readonly Column<Deployment>[]),
  selector as Column<Deployment>,
);

const replicaSets = columns<ReplicaSet>(
  { name: 'Desired', type: 'integer', cell: ({ spec }) => spec?.replicas ?? 1 },
  { name: 'Current', type: 'integer', cell: ({ status }) => status?.replicas ?? 0 },
  { name: 'Ready', type: 'integer', cell: ({ status }) => status?.readyReplicas ?? 0 },
  ...(templateColumns as readonly Column<ReplicaSet>[]),
  selector as Column<ReplicaSet>,
);

const statefulSets = columns<StatefulSet>(
  { name: 'Ready', cell: ({ spec, status }) => `${status?.readyReplicas ?? 0}/${spec?.replicas ?? 1}` },
  ...(templateColumns as readonly Column<StatefulSet>[]),
);

function portText(port: { readonly port: number; readonly nodePort?: number; readonly protocol?: string }): string {
  return port.nodePort ? `${port.port}:${port.nodePort}/${port.protocol ?? 'TCP'}` : `${port.port}/${port.protocol ?? 'TCP'}`;
}

const services = columns<Service>(
  { name: 'Type', cell: ({ spec }) => spec?.type ?? 'ClusterIP' },
  { name: 'Cluster-IP', cell: ({ spec }) => spec?.clusterIP || none },
  {
    name: 'External-IP',
    cell: ({ spec, status }) => {
      if (spec?.type === 'ExternalName') return spec.externalName ?? none;
      const ingress = (status?.loadBalancer?.ingress ?? []).flatMap((one) => one.ip ?? one.hostname ?? []);
      const all = [...ingress, ...(spec?.externalIPs ?? [])];
      return all.length === 0 && spec?.type === 'LoadBalancer' ? '<pending>' : list(all);
    },
  },
  { name: 'Port(s)', cell: ({ spec }) => list(spec?.ports?.map(portText)) },
  { name: 'Selector', wide: true, cell: ({ spec }) => labels(spec?.selector) },
);

const nodes = columns<Node>(
  {
    name: 'Status',
    cell: ({ spec, status }) => {
      const ready = status?.conditions?.find((one) => one.type === 'Ready');
      const text = ready?.status === 'True' ? 'Ready' : ready ? 'NotReady' : 'Unknown';
      return spec?.unschedulable ? `${text},SchedulingDisabled` : text;
    },
  },
  {
    name: 'Roles',
    cell: ({ metadata }) =>
      list(
        Object.keys(metadata.labels ?? {}).flatMap((key) =>
          key.startsWith('node-role.kubernetes.io/') ? [key.slice('node-role.kubernetes.io/'.length)] : [],
        ),
      ),
  },
);
const nodeColumns: readonly Column[] = [
  ...nodes,
  ...([
    { name: 'Version', cell: ({ status }) => status?.nodeInfo?.kubeletVersion ?? '' },
    { name: 'Internal-IP', wide: true, cell: ({ status }) => addressOf(status, 'InternalIP') },
    { name: 'External-IP', wide: true, cell: ({ status }) => addressOf(status, 'ExternalIP') },
    { name: 'OS-Image', wide: true, cell: ({ status }) => status?.nodeInfo?.osImage ?? '<unknown>' },
    { name: 'Kernel-Version', wide: true, cell: ({ status }) => status?.nodeInfo?.kernelVersion ?? '<unknown>' },
    { name: 'Container-Runtime', wide: true, cell: ({ status }) => status?.nodeInfo?.containerRuntimeVersion ?? '<unknown>' },
  ] satisfies readonly Column<Node>[] as unknown as readonly Column[]),
];

function addressOf(status: Node['status'], type: string): string {
  return status?.addresses?.find((one) => one.type === type)?.address ?? none;
}

const accessModes: Readonly<Record<string, string>> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
};
const modes = (all: readonly string[] | undefined): string => (all ?? []).map((mode) => accessModes[mode] ?? mode).join(',');

const claims = columns<PersistentVolumeClaim>(
  { name: 'Status', cell: ({ metadata, status }) => (metadata.deletionTimestamp ? 'Terminating' : (status?.phase ?? '')) },
  { name: 'Volume', cell: ({ spec }) => spec?.volumeName ?? '' },
  { name: 'Capacity', cell: ({ status }) => status?.capacity?.['storage'] ?? '' },
  { name: 'Access Modes', cell: ({ status }) => modes(status?.accessModes) },
  { name: 'StorageClass', cell: ({ spec }) => spec?.storageClassName ?? '' },
  { name: 'VolumeAttributesClass', cell: ({ spec }) => spec?.volumeAttributesClassName ?? '<unset>' },
  { name: 'VolumeMode', wide: true, cell: ({ spec }) => spec?.volumeMode ?? '' },
);

const volumes = columns<PersistentVolume>(
  { name: 'Capacity', cell: ({ spec }) => spec?.capacity?.['storage'] ?? '' },
  { name: 'Access Modes', cell: ({ spec }) => modes(spec?.accessModes) },
  { name: 'Reclaim Policy', cell: ({ spec }) => spec?.persistentVolumeReclaimPolicy ?? '' },
  { name: 'Status', cell: ({ metadata, status }) => (metadata.deletionTimestamp ? 'Terminating' : (status?.phase ?? '')) },
  { name: 'Claim', cell: ({ spec }) => (spec?.claimRef ? `${spec.claimRef.namespace}/${spec.claimRef.name}` : '') },
  { name: 'StorageClass', cell: ({ spec }) => spec?.storageClassName ?? '' },
  { name: 'VolumeAttributesClass', cell: ({ spec }) => spec?.volumeAttributesClassName ?? '<unset>' },
  { name: 'Reason', cell: ({ status }) => status?.reason ?? '' },
  { name: 'VolumeMode', wide: true, cell: ({ spec }) => spec?.volumeMode ?? '' },
);

const eventColumns: readonly Column[] = [
  {
    name: 'Last Seen',
    cell: (event, now) => age((event as Event).lastTimestamp ?? (event as Event).eventTime ?? event.metadata.creationTimestamp, now),
  },
  { name: 'Type', cell: (event) => (event as Event).type ?? '' },
  { name: 'Reason', cell: (event) => (event as Event).reason ?? '' },
  { name: 'Object', cell: (event) => `${(event as Event).involvedObject.kind?.toLowerCase()}/${(event as Event).involvedObject.name}` },
  { name: 'Source', wide: true, cell: (event) => (event as Event).source?.component ?? (event as Event).reportingComponent ?? '' },
  { name: 'Message', cell: (event) => ((event as Event).message ?? '').trim() },
  { name: 'Count', wide: true, type: 'integer', cell: (event) => (event as Event).count ?? 1 },
  { ...name, wide: true },
];

function endpointList(subsets: Endpoints['subsets']): string {
  const all = (subsets ?? []).flatMap((subset) =>
    (subset.addresses ?? []).flatMap((address) =>
      subset.ports?.length ? subset.ports.map((port) => `${address.ip}:${port.port}`) : [address.ip],
    ),
  );
  return all.length > 3 ? `${all.slice(0, 3).join(',')} + ${all.length - 3} more...` : list(all);
}

/** By kind; every other kind shows its name and age. */
const byKind: Readonly<Record<string, readonly Column[]>> = {
  ...workloadColumns,
  ...clusterColumns,
  Pod: pods,
  Deployment: deployments,
  ReplicaSet: replicaSets,
  StatefulSet: statefulSets,
  Service: services,
  Node: nodeColumns,
  Event: eventColumns,
  PersistentVolumeClaim: claims,
  PersistentVolume: volumes,
  Namespace: columns<Namespace>({ name: 'Status', cell: ({ status }) => status?.phase ?? '' }),
  ConfigMap: columns<ConfigMap>({
    name: 'Data',
    type: 'integer',
    cell: ({ data = {}, binaryData = {} }) => Object.keys(data).length + Object.keys(binaryData).length,
  }),
  Secret: columns<Secret>(
    { name: 'Type', cell: ({ type }) => type ?? 'Opaque' },
    { name: 'Data', type: 'integer', cell: ({ data = {} }) => Object.keys(data).length },
  ),
  ServiceAccount: columns<ServiceAccount>({ name: 'Secrets', type: 'integer', cell: ({ secrets = [] }) => secrets.length }),
  Endpoints: columns<Endpoints>({ name: 'Endpoints', cell: ({ subsets }) => endpointList(subsets) }),
  EndpointSlice: columns<EndpointSlice>(
    { name: 'AddressType', cell: ({ addressType }) => addressType },
    { name: 'Ports', cell: ({ ports }) => list(ports?.map((port) => String(port.port ?? '*'))) },
    { name: 'Endpoints', cell: ({ endpoints }) => list((endpoints ?? []).flatMap((one) => one.addresses)) },
  ),
  Lease: columns<Lease>({ name: 'Holder', cell: ({ spec }) => spec?.holderIdentity ?? '' }),
  StorageClass: columns<StorageClass>(
    { name: 'Provisioner', cell: ({ provisioner }) => provisioner },
    { name: 'ReclaimPolicy', cell: ({ reclaimPolicy }) => reclaimPolicy ?? 'Delete' },
    { name: 'VolumeBindingMode', cell: ({ volumeBindingMode }) => volumeBindingMode ?? 'Immediate' },
    { name: 'AllowVolumeExpansion', cell: ({ allowVolumeExpansion }) => String(allowVolumeExpansion ?? false) },
  ),
  ControllerRevision: columns<ControllerRevision>({ name: 'Revision', type: 'integer', cell: ({ revision }) => revision }),
};

export function columnsOf(kind: string): readonly Column[] {
  return byKind[kind] ?? columns();
}

import type {
  AutoscalingHorizontalPodAutoscaler,
  ConfigMap,
  ControllerRevision,
  CronJob,
  DaemonSet,
  Deployment,
  Endpoints,
  EndpointSlice,
  Event,
  Job,
  Lease,
  Namespace,
  Node,
  ObjectMeta,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  PodDisruptionBudget,
  PriorityClass,
  ReplicaSet,
  ReplicationController,
  Secret,
  Service,
  ServiceAccount,
  StatefulSet,
  StorageClass,
} from './types.generated.ts';

export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
}

/** Names one resource of the API; `T` is the type of its objects. */
export interface Kind<T extends KubernetesObject = KubernetesObject> {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** Plural, as in the path. */
  readonly resource: string;
  readonly namespaced: boolean;
  /** Carries T only; never set. */
  readonly object?: T;
}

function kind<T extends KubernetesObject>(apiVersion: string, name: string, resource: string, namespaced = true): Kind<T> {
  const [version = '', group = ''] = apiVersion.split('/').toReversed();
  return { group, version, kind: name, resource, namespaced };
}

export const pods = kind<Pod>('v1', 'Pod', 'pods');
export const configMaps = kind<ConfigMap>('v1', 'ConfigMap', 'configmaps');
export const secrets = kind<Secret>('v1', 'Secret', 'secrets');
export const services = kind<Service>('v1', 'Service', 'services');
export const serviceAccounts = kind<ServiceAccount>('v1', 'ServiceAccount', 'serviceaccounts');
export const endpoints = kind<Endpoints>('v1', 'Endpoints', 'endpoints');
export const events = kind<Event>('v1', 'Event', 'events');
export const persistentVolumeClaims = kind<PersistentVolumeClaim>('v1', 'PersistentVolumeClaim', 'persistentvolumeclaims');
export const persistentVolumes = kind<PersistentVolume>('v1', 'PersistentVolume', 'persistentvolumes', false);
export const namespaces = kind<Namespace>('v1', 'Namespace', 'namespaces', false);
export const nodes = kind<Node>('v1', 'Node', 'nodes', false);
export const replicationControllers = kind<ReplicationController>('v1', 'ReplicationController', 'replicationcontrollers');
export const deployments = kind<Deployment>('apps/v1', 'Deployment', 'deployments');
export const replicaSets = kind<ReplicaSet>('apps/v1', 'ReplicaSet', 'replicasets');
export const statefulSets = kind<StatefulSet>('apps/v1', 'StatefulSet', 'statefulsets');
export const daemonSets = kind<DaemonSet>('apps/v1', 'DaemonSet', 'daemonsets');
export const controllerRevisions = kind<ControllerRevision>('apps/v1', 'ControllerRevision', 'controllerrevisions');
export const endpointSlices = kind<EndpointSlice>('discovery.k8s.io/v1', 'EndpointSlice', 'endpointslices');
export const leases = kind<Lease>('coordination.k8s.io/v1', 'Lease', 'leases');
export const storageClasses = kind<StorageClass>('storage.k8s.io/v1', 'StorageClass', 'storageclasses', false);
export const jobs = kind<Job>('batch/v1', 'Job', 'jobs');
export const cronJobs = kind<CronJob>('batch/v1', 'CronJob', 'cronjobs');
export const podDisruptionBudgets = kind<PodDisruptionBudget>('policy/v1', 'PodDisruptionBudget', 'poddisruptionbudgets');
export const priorityClasses = kind<PriorityClass>('scheduling.k8s.io/v1', 'PriorityClass', 'priorityclasses', false);
export const horizontalPodAutoscalers = kind<AutoscalingHorizontalPodAutoscaler>(
  'autoscaling/v2',
  'HorizontalPodAutoscaler',
  'horizontalpodautoscalers',
);

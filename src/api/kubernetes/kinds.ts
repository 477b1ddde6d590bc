import type {
  APIService,
  AutoscalingHorizontalPodAutoscaler,
  CertificateSigningRequest,
  ClusterRole,
  ClusterRoleBinding,
  ConfigMap,
  ControllerRevision,
  CronJob,
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  CustomResourceDefinition,
  DaemonSet,
  Deployment,
  Endpoints,
  EndpointSlice,
  Event,
  EventsEvent,
  Ingress,
  IngressClass,
  Job,
  Lease,
  LimitRange,
  MutatingWebhookConfiguration,
  Namespace,
  NetworkPolicy,
  Node,
  ObjectMeta,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  PodDisruptionBudget,
  PodTemplate,
  PriorityClass,
  ReplicaSet,
  ReplicationController,
  ResourceQuota,
  Role,
  RoleBinding,
  RuntimeClass,
  Secret,
  Service,
  ServiceAccount,
  StatefulSet,
  StorageClass,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  ValidatingWebhookConfiguration,
  VolumeAttachment,
  VolumeAttributesClass,
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
export const deployments = kind<Deployment>('apps/v1', 'Deployment', 'deployments');
export const replicaSets = kind<ReplicaSet>('apps/v1', 'ReplicaSet', 'replicasets');
export const daemonSets = kind<DaemonSet>('apps/v1', 'DaemonSet', 'daemonsets');
export const replicationControllers = kind<ReplicationController>('v1', 'ReplicationController', 'replicationcontrollers');
export const statefulSets = kind<StatefulSet>('apps/v1', 'StatefulSet', 'statefulsets');
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
export const limitRanges = kind<LimitRange>('v1', 'LimitRange', 'limitranges');
export const resourceQuotas = kind<ResourceQuota>('v1', 'ResourceQuota', 'resourcequotas');
export const podTemplates = kind<PodTemplate>('v1', 'PodTemplate', 'podtemplates');
export const ingresses = kind<Ingress>('networking.k8s.io/v1', 'Ingress', 'ingresses');
export const ingressClasses = kind<IngressClass>('networking.k8s.io/v1', 'IngressClass', 'ingressclasses', false);
export const networkPolicies = kind<NetworkPolicy>('networking.k8s.io/v1', 'NetworkPolicy', 'networkpolicies');
/** The same objects as `events`, in the newer group's form. */
export const newEvents = kind<EventsEvent>('events.k8s.io/v1', 'Event', 'events');
export const csiDrivers = kind<CSIDriver>('storage.k8s.io/v1', 'CSIDriver', 'csidrivers', false);
export const csiNodes = kind<CSINode>('storage.k8s.io/v1', 'CSINode', 'csinodes', false);
export const csiStorageCapacities = kind<CSIStorageCapacity>('storage.k8s.io/v1', 'CSIStorageCapacity', 'csistoragecapacities');
export const volumeAttachments = kind<VolumeAttachment>('storage.k8s.io/v1', 'VolumeAttachment', 'volumeattachments', false);
export const volumeAttributesClasses = kind<VolumeAttributesClass>(
  'storage.k8s.io/v1',
  'VolumeAttributesClass',
  'volumeattributesclasses',
  false,
);
export const runtimeClasses = kind<RuntimeClass>('node.k8s.io/v1', 'RuntimeClass', 'runtimeclasses', false);
export const roles = kind<Role>('rbac.authorization.k8s.io/v1', 'Role', 'roles');
export const roleBindings = kind<RoleBinding>('rbac.authorization.k8s.io/v1', 'RoleBinding', 'rolebindings');
export const clusterRoles = kind<ClusterRole>('rbac.authorization.k8s.io/v1', 'ClusterRole', 'clusterroles', false);
export const clusterRoleBindings = kind<ClusterRoleBinding>(
  'rbac.authorization.k8s.io/v1',
  'ClusterRoleBinding',
  'clusterrolebindings',
  false,
);
export const certificateSigningRequests = kind<CertificateSigningRequest>(
  'certificates.k8s.io/v1',
  'CertificateSigningRequest',
  'certificatesigningrequests',
  false,
);
export const mutatingWebhookConfigurations = kind<MutatingWebhookConfiguration>(
  'admissionregistration.k8s.io/v1',
  'MutatingWebhookConfiguration',
  'mutatingwebhookconfigurations',
  false,
);
export const validatingWebhookConfigurations = kind<ValidatingWebhookConfiguration>(
  'admissionregistration.k8s.io/v1',
  'ValidatingWebhookConfiguration',
  'validatingwebhookconfigurations',
  false,
);
export const validatingAdmissionPolicies = kind<ValidatingAdmissionPolicy>(
  'admissionregistration.k8s.io/v1',
  'ValidatingAdmissionPolicy',
  'validatingadmissionpolicies',
  false,
);
export const validatingAdmissionPolicyBindings = kind<ValidatingAdmissionPolicyBinding>(
  'admissionregistration.k8s.io/v1',
  'ValidatingAdmissionPolicyBinding',
  'validatingadmissionpolicybindings',
  false,
);
export const customResourceDefinitions = kind<CustomResourceDefinition>(
  'apiextensions.k8s.io/v1',
  'CustomResourceDefinition',
  'customresourcedefinitions',
  false,
);
export const apiServices = kind<APIService>('apiregistration.k8s.io/v1', 'APIService', 'apiservices', false);

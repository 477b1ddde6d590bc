import type { ClusterRole, ClusterRoleBinding } from '../../../api/kubernetes/types.generated.ts';
import { account, binding, clusterRole, rule } from './role-shapes.ts';

const all = ['get', 'list', 'watch'].join();
const change = ['create', 'delete', 'patch', 'update'].join();
const events = `- events.k8s.io: events: create,patch,update`;

/**
 * What each controller of a Kubernetes control plane may do, by the name of its service account in kube-system: `groups: resources: verbs`,
 * then names. Charts and operators refer to these roles, and people who run a controller of their own in its place bind them.
 * kubernetes.io/docs/reference/access-authn-authz/rbac/#controller-roles. Roles of controllers for kinds that are not served are left out.
 */
const rulesOf: Readonly<Record<string, readonly string[]>> = {
  'attachdetach-controller': [
    '-: persistentvolumeclaims persistentvolumes: list,watch',
    `-: nodes: ${all}`,
    '-: nodes/status: patch,update',
    '-: pods: list,watch',
    events,
    `storage.k8s.io: volumeattachments: create,delete,${all}`,
    `storage.k8s.io: csidrivers: ${all}`,
    `storage.k8s.io: csinodes: ${all}`,
  ],
  'certificate-controller': [
    `certificates.k8s.io: certificatesigningrequests: delete,${all}`,
    'certificates.k8s.io: certificatesigningrequests/approval certificatesigningrequests/status: update',
    'certificates.k8s.io: signers: approve: kubernetes.io/kube-apiserver-client-kubelet',
    'certificates.k8s.io: signers: sign: kubernetes.io/kube-apiserver-client kubernetes.io/kube-apiserver-client-kubelet kubernetes.io/kubelet-serving kubernetes.io/legacy-unknown',
    'authorization.k8s.io: subjectaccessreviews: create',
    events,
  ],
  'clusterrole-aggregation-controller': [`rbac.authorization.k8s.io: clusterroles: escalate,patch,update,${all}`],
  'cronjob-controller': [
    `batch: cronjobs: update,${all}`,
    `batch: jobs: ${change},${all}`,
    'batch: cronjobs/status: update',
    'batch: cronjobs/finalizers: update',
    '-: pods: delete,list,watch',
    events,
  ],
  'daemon-set-controller': [
    `apps extensions: daemonsets: ${all}`,
    'apps extensions: daemonsets/status: update',
    'apps extensions: daemonsets/finalizers: update',
    '-: nodes: list,watch',
    '-: pods: create,delete,list,patch,watch',
    '-: pods/binding: create',
    `apps: controllerrevisions: ${change},${all}`,
    events,
  ],
  'deployment-controller': [
    `apps extensions: deployments: update,${all}`,
    'apps extensions: deployments/status: update',
    'apps extensions: deployments/finalizers: update',
    `apps extensions: replicasets: ${change},${all}`,
    `-: pods: update,${all}`,
    events,
  ],
  'disruption-controller': [
    `apps extensions: deployments: ${all}`,
    `apps extensions: replicasets: ${all}`,
    `-: replicationcontrollers: ${all}`,
    `policy: poddisruptionbudgets: ${all}`,
    `apps: statefulsets: ${all}`,
    'policy: poddisruptionbudgets/status: update',
    '-: pods/status: patch,update',
    '*: */scale: get',
    events,
  ],
  'endpoint-controller': [
    `-: pods services: ${all}`,
    `-: endpoints: create,delete,update,${all}`,
    '-: endpoints/restricted: create',
    events,
  ],
  'endpointslice-controller': [
    `-: nodes pods services: ${all}`,
    '-: services/finalizers: update',
    `discovery.k8s.io: endpointslices: create,delete,update,${all}`,
    events,
  ],
  'endpointslicemirroring-controller': [
    `-: endpoints services: ${all}`,
    '-: services/finalizers: update',
    '-: endpoints/finalizers: update',
    `discovery.k8s.io: endpointslices: create,delete,update,${all}`,
    events,
  ],
  'ephemeral-volume-controller': [`-: pods: ${all}`, '-: pods/finalizers: update', `-: persistentvolumeclaims: create,${all}`, events],
  'expand-controller': [
    `-: persistentvolumes: patch,update,${all}`,
    '-: persistentvolumeclaims/status: patch,update',
    `-: persistentvolumeclaims: ${all}`,
    events,
    '-: services: get',
  ],
  'generic-garbage-collector': [`*: *: delete,patch,update,${all}`, events],
  'horizontal-pod-autoscaler': [
    `autoscaling: horizontalpodautoscalers: ${all}`,
    'autoscaling: horizontalpodautoscalers/status: update',
    '*: */scale: get,update',
    '-: pods: list,watch',
    'metrics.k8s.io: pods: list,watch',
    `custom.metrics.k8s.io: *: ${all}`,
    `external.metrics.k8s.io: *: ${all}`,
    events,
  ],
  'job-controller': [
    `batch: jobs: patch,update,${all}`,
    'batch: jobs/status: update',
    'batch: jobs/finalizers: update',
    '-: pods: create,delete,list,patch,watch',
    events,
  ],
  'legacy-service-account-token-cleaner': [
    '-: configmaps: get: kube-apiserver-legacy-service-account-token-tracking',
    '-: secrets: delete,patch',
  ],
  'namespace-controller': [
    `-: namespaces: delete,${all}`,
    '-: namespaces/finalize namespaces/status: update',
    `*: *: delete,deletecollection,${all}`,
  ],
  'node-controller': [
    `-: nodes: delete,patch,update,${all}`,
    '-: nodes/status: patch,update',
    '-: pods/status: patch,update',
    `-: pods: delete,${all}`,
    events,
  ],
  'persistent-volume-binder': [
    `-: persistentvolumes: create,delete,update,${all}`,
    '-: persistentvolumes/status: update',
    `-: persistentvolumeclaims: update,${all}`,
    '-: persistentvolumeclaims/status: update',
    `-: pods: create,delete,${all}`,
    `storage.k8s.io: storageclasses: ${all}`,
    '-: nodes: list,watch',
    events,
    '-: events: watch',
    '-: services: get',
  ],
  'pod-garbage-collector': ['-: pods: delete,list,watch', `-: nodes: ${all}`, '-: pods/status: patch'],
  'pv-protection-controller': [`-: persistentvolumes: update,${all}`, events],
  'pvc-protection-controller': [`-: persistentvolumeclaims: update,${all}`, `-: pods: ${all}`, events],
  'replicaset-controller': [
    `apps extensions: replicasets: update,${all}`,
    'apps extensions: replicasets/status: update',
    'apps extensions: replicasets/finalizers: update',
    '-: pods: create,delete,list,patch,watch',
    events,
  ],
  'replication-controller': [
    `-: replicationcontrollers: update,${all}`,
    '-: replicationcontrollers/status: update',
    '-: replicationcontrollers/finalizers: update',
    '-: pods: create,delete,list,patch,watch',
    events,
  ],
  'resourcequota-controller': ['*: *: list,watch', '-: resourcequotas/status: update', events],
  'root-ca-cert-publisher': ['-: configmaps: create,update', events],
  'route-controller': ['-: nodes: list,watch', '-: nodes/status: patch', events],
  'service-account-controller': ['-: serviceaccounts: create', events],
  'service-controller': [`-: services: ${all}`, '-: services/status: patch,update', '-: nodes: list,watch', events],
  'statefulset-controller': [
    '-: pods: list,watch',
    `apps: statefulsets: ${all}`,
    'apps: statefulsets/status: update',
    'apps: statefulsets/finalizers: update',
    `-: pods: get,${change}`,
    `apps: controllerrevisions: ${change},${all}`,
    `-: persistentvolumeclaims: create,${all}`,
    '-: persistentvolumeclaims: delete,update',
    '-: pods/finalizers: update',
    events,
  ],
  'ttl-after-finished-controller': [`batch: jobs: delete,${all}`, events],
  'ttl-controller': ['-: nodes: list,patch,update,watch', events],
  'validatingadmissionpolicy-status-controller': [
    `admissionregistration.k8s.io: validatingadmissionpolicies: ${all}`,
    'admissionregistration.k8s.io: validatingadmissionpolicies/status: get,patch,update',
    events,
  ],
  'volumeattributesclass-protection-controller': [
    `-: persistentvolumeclaims: ${all}`,
    `-: persistentvolumes: ${all}`,
    `storage.k8s.io: volumeattributesclasses: update,${all}`,
    events,
  ],
};

const roleName = (controller: string): string => `system:controller:${controller}`;

function parse(text: string): ReturnType<typeof rule> {
  const [groups = '', resources = '', verbs = '', names] = text.split(': ');
  return rule(groups, resources, verbs.split(',').sort(), names?.split(' '));
}

export const controllerRoles: readonly ClusterRole[] = Object.entries(rulesOf).map(([controller, rules]) =>
  clusterRole(roleName(controller), rules.map(parse)),
);

export const controllerRoleBindings: readonly ClusterRoleBinding[] = Object.keys(rulesOf).map((controller) =>
  binding(roleName(controller), roleName(controller), account(controller)),
);

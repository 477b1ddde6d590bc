import { clusterRoleBindings, clusterRoles, roleBindings, roles, type Kind, type KubernetesObject } from '../../../api/kubernetes/kinds.ts';
import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, Subject } from '../../../api/kubernetes/types.generated.ts';
import { controllerRoleBindings, controllerRoles } from './controller-roles.ts';
import { account, binding, clusterRole, metadata, rbacGroup as group, rule, subject } from './role-shapes.ts';

const read = ['get', 'list', 'watch'];
const write = ['create', 'delete', 'deletecollection', 'patch', 'update'];
const paths = (urls: string, verbs: readonly string[] = ['get']): PolicyRule => ({ nonResourceURLs: urls.split(' '), verbs });

const label = (to: string): string => `${group}/aggregate-to-${to}`;

/** A role that is the sum of all that say they belong to it. */
function aggregated(name: string, labels: Readonly<Record<string, string>> = {}): ClusterRole {
  const clusterRoleSelectors = [{ matchLabels: { [label(name)]: 'true' } }];
  return { ...clusterRole(name, [], labels), aggregationRule: { clusterRoleSelectors } };
}

const publicPaths = '/healthz /livez /readyz /version /version/';
const discoveryPaths = '/api /api/* /apis /apis/* /healthz /livez /openapi /openapi/* /readyz /version /version/';
const workloads =
  'daemonsets deployments deployments/rollback deployments/scale replicasets replicasets/scale statefulsets statefulsets/scale';
const contents =
  'configmaps events persistentvolumeclaims pods replicationcontrollers replicationcontrollers/scale serviceaccounts services';

const viewRules = [
  rule(
    '-',
    'configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers replicationcontrollers/scale serviceaccounts services services/status',
    read,
  ),
  rule(
    '-',
    'bindings events limitranges namespaces/status pods/log pods/status replicationcontrollers/status resourcequotas resourcequotas/status',
    read,
  ),
  rule('-', 'namespaces', read),
  rule('discovery.k8s.io', 'endpointslices', read),
  rule(
    'apps',
    'controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status replicasets replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status',
    read,
  ),
  rule('autoscaling', 'horizontalpodautoscalers horizontalpodautoscalers/status', read),
  rule('batch', 'cronjobs cronjobs/status jobs jobs/status', read),
  rule('policy', 'poddisruptionbudgets poddisruptionbudgets/status', read),
  rule('networking.k8s.io', 'ingresses ingresses/status networkpolicies', read),
];

const editRules = [
  rule('-', 'pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy', read),
  rule('-', 'serviceaccounts', ['impersonate']),
  rule('-', 'pods pods/attach pods/exec pods/portforward pods/proxy', write),
  rule('-', 'pods/eviction', ['create']),
  rule('-', `${contents.replace('pods ', '')} secrets services/proxy`, write),
  rule('-', 'serviceaccounts/token', ['create']),
  rule('apps', workloads, write),
  rule('autoscaling', 'horizontalpodautoscalers', write),
  rule('batch', 'cronjobs jobs', write),
  rule('policy', 'poddisruptionbudgets', write),
  rule('networking.k8s.io', 'ingresses networkpolicies', write),
  rule('coordination.k8s.io', 'leases', [...write, ...read]),
];

const adminRules = [
  rule('authorization.k8s.io', 'localsubjectaccessreviews', ['create']),
  rule(group, 'rolebindings roles', [...write, ...read]),
];

const schedulerRules = [
  rule('- events.k8s.io', 'events', ['create', 'patch', 'update']),
  rule('coordination.k8s.io', 'leases', [...read, 'create', 'update']),
  rule('-', 'nodes', read),
  rule('-', 'pods', ['delete', ...read]),
  rule('-', 'bindings pods/binding', ['create']),
  rule('-', 'pods/status', ['patch', 'update']),
  rule('-', 'replicationcontrollers services namespaces persistentvolumeclaims persistentvolumes', read),
  rule('apps', 'replicasets statefulsets', read),
  rule('policy', 'poddisruptionbudgets', read),
  rule('storage.k8s.io', 'csinodes csidrivers csistoragecapacities storageclasses volumeattachments', read),
];

const nodeRules = [
  rule('authentication.k8s.io', 'tokenreviews', ['create']),
  rule('authorization.k8s.io', 'localsubjectaccessreviews subjectaccessreviews', ['create']),
  rule('-', 'services namespaces', read),
  rule('-', 'nodes', ['create', ...read, 'patch', 'update']),
  rule('-', 'nodes/status pods/status', ['patch', 'update']),
  rule('-', 'events', ['create', 'patch', 'update']),
  rule('-', 'pods', ['create', 'delete', ...read]),
  rule('-', 'pods/eviction serviceaccounts/token', ['create']),
  rule('-', 'configmaps secrets', read),
  rule('-', 'persistentvolumeclaims persistentvolumes', ['get']),
  rule('coordination.k8s.io', 'leases', ['create', 'delete', 'get', 'patch', 'update']),
  rule('node.k8s.io', 'runtimeclasses', read),
  rule('storage.k8s.io', 'csidrivers', read),
];

/** Roles that every cluster starts with, as upstream names and fills them. */
const defaultClusterRoles: readonly ClusterRole[] = [
  clusterRole('cluster-admin', [rule('*', '*', ['*']), paths('*', ['*'])]),
  aggregated('admin'),
  aggregated('edit', { [label('admin')]: 'true' }),
  aggregated('view', { [label('edit')]: 'true' }),
  clusterRole('system:aggregate-to-admin', adminRules, { [label('admin')]: 'true' }),
  clusterRole('system:aggregate-to-edit', editRules, { [label('edit')]: 'true' }),
  clusterRole('system:aggregate-to-view', viewRules, { [label('view')]: 'true' }),
  // metrics-server's, which upstream does not bring.
  clusterRole('system:aggregated-metrics-reader', [rule('metrics.k8s.io', 'nodes pods', read)], {
    [label('admin')]: 'true',
    [label('edit')]: 'true',
    [label('view')]: 'true',
  }),
  clusterRole('system:discovery', [paths(discoveryPaths)]),
  clusterRole('system:public-info-viewer', [paths(publicPaths)]),
  clusterRole('system:monitoring', [paths('/healthz /healthz/* /livez /livez/* /metrics /metrics/slis /readyz /readyz/*')]),
  clusterRole('system:basic-user', [
    rule('authorization.k8s.io', 'selfsubjectaccessreviews selfsubjectrulesreviews', ['create']),
    rule('authentication.k8s.io', 'selfsubjectreviews', ['create']),
  ]),
  clusterRole('system:auth-delegator', [
    rule('authentication.k8s.io', 'tokenreviews', ['create']),
    rule('authorization.k8s.io', 'subjectaccessreviews', ['create']),
  ]),
  clusterRole('system:service-account-issuer-discovery', [
    paths('/.well-known/openid-configuration /.well-known/openid-configuration/ /openid/v1/jwks /openid/v1/jwks/'),
  ]),
  clusterRole('system:node', nodeRules),
  clusterRole('system:node-proxier', [
    rule('-', 'services endpoints', ['list', 'watch']),
    rule('-', 'nodes', read),
    rule('- events.k8s.io', 'events', ['create', 'patch', 'update']),
    rule('discovery.k8s.io', 'endpointslices', ['list', 'watch']),
  ]),
  clusterRole('system:node-bootstrapper', [rule('certificates.k8s.io', 'certificatesigningrequests', ['create', ...read])]),
  clusterRole('system:kubelet-api-admin', [
    rule('-', 'nodes', [...read, 'proxy']),
    rule('-', 'nodes/log nodes/metrics nodes/proxy nodes/stats', ['*']),
  ]),
  clusterRole('system:kube-dns', [rule('-', 'endpoints services', ['list', 'watch'])]),
  clusterRole('system:kube-scheduler', schedulerRules),
  clusterRole('system:volume-scheduler', [
    rule('-', 'persistentvolumes', [...read, 'patch', 'update']),
    rule('storage.k8s.io', 'storageclasses', read),
    rule('-', 'persistentvolumeclaims', [...read, 'patch', 'update']),
  ]),
  clusterRole('system:kube-controller-manager', [
    rule('- events.k8s.io', 'events', ['create', 'patch', 'update']),
    rule('coordination.k8s.io', 'leases', ['create', 'get', 'update']),
    rule('-', 'secrets serviceaccounts', ['create', 'delete', 'get', 'update']),
    rule('-', 'serviceaccounts/token', ['create']),
    rule('*', '*', ['list', 'watch']),
  ]),
  clusterRole('system:persistent-volume-provisioner', [
    rule('-', 'persistentvolumes', ['create', 'delete', ...read]),
    rule('-', 'persistentvolumeclaims', [...read, 'update']),
    rule('storage.k8s.io', 'storageclasses', read),
    rule('-', 'events', [...read, 'create', 'patch', 'update']),
  ]),
];

const everybody = subject('Group', 'system:authenticated');

const defaultClusterRoleBindings: readonly ClusterRoleBinding[] = [
  binding('cluster-admin', 'cluster-admin', subject('Group', 'system:masters')),
  binding('system:discovery', 'system:discovery', everybody),
  binding('system:basic-user', 'system:basic-user', everybody),
  binding('system:public-info-viewer', 'system:public-info-viewer', everybody, subject('Group', 'system:unauthenticated')),
  binding('system:monitoring', 'system:monitoring', subject('Group', 'system:monitoring')),
  binding('system:service-account-issuer-discovery', 'system:service-account-issuer-discovery', subject('Group', 'system:serviceaccounts')),
  { ...binding('system:node', 'system:node'), subjects: [] },
  binding('system:node-proxier', 'system:node-proxier', subject('User', 'system:kube-proxy')),
  binding('system:kube-scheduler', 'system:kube-scheduler', subject('User', 'system:kube-scheduler')),
  binding('system:volume-scheduler', 'system:volume-scheduler', subject('User', 'system:kube-scheduler')),
  binding('system:kube-controller-manager', 'system:kube-controller-manager', subject('User', 'system:kube-controller-manager')),
  binding('system:kube-dns', 'system:kube-dns', account('kube-dns')),
];

const inNamespace = (namespace: string, name: string, rules: readonly PolicyRule[]): Role => ({
  apiVersion: `${group}/v1`,
  kind: 'Role',
  metadata: metadata(name, {}, namespace),
  rules,
});

const events = rule('- events.k8s.io', 'events', ['create', 'patch', 'update']);
const locking = [rule('coordination.k8s.io', 'leases', ['create', 'get', 'list', 'update', 'watch'])];

const defaultRoles: readonly Role[] = [
  inNamespace('kube-public', 'system:controller:bootstrap-signer', [
    rule('-', 'configmaps', read),
    rule('-', 'configmaps', ['update'], ['cluster-info']),
    events,
  ]),
  inNamespace('kube-system', 'extension-apiserver-authentication-reader', [
    rule('-', 'configmaps', read, ['extension-apiserver-authentication']),
  ]),
  inNamespace('kube-system', 'system::leader-locking-kube-controller-manager', locking),
  inNamespace('kube-system', 'system::leader-locking-kube-scheduler', locking),
  inNamespace('kube-system', 'system:controller:bootstrap-signer', [rule('-', 'secrets', read)]),
  inNamespace('kube-system', 'system:controller:cloud-provider', [rule('-', 'configmaps', ['create', ...read])]),
  inNamespace('kube-system', 'system:controller:token-cleaner', [rule('-', 'secrets', ['delete', ...read]), events]),
];

function bound(namespace: string, name: string, role: string, ...subjects: readonly Subject[]): RoleBinding {
  const roleRef = { apiGroup: group, kind: 'Role', name: role };
  return { apiVersion: `${group}/v1`, kind: 'RoleBinding', metadata: metadata(name, {}, namespace), roleRef, subjects };
}

const [manager, scheduler] = [subject('User', 'system:kube-controller-manager'), subject('User', 'system:kube-scheduler')];

const toAccount = (namespace: string, name: string): RoleBinding =>
  bound(namespace, `system:controller:${name}`, `system:controller:${name}`, account(name));

const defaultRoleBindings: readonly RoleBinding[] = [
  toAccount('kube-public', 'bootstrap-signer'),
  bound(
    'kube-system',
    'system::extension-apiserver-authentication-reader',
    'extension-apiserver-authentication-reader',
    manager,
    scheduler,
  ),
  bound(
    'kube-system',
    'system::leader-locking-kube-controller-manager',
    'system::leader-locking-kube-controller-manager',
    manager,
    account('kube-controller-manager'),
    account('leader-election-controller'),
  ),
  bound(
    'kube-system',
    'system::leader-locking-kube-scheduler',
    'system::leader-locking-kube-scheduler',
    scheduler,
    account('kube-scheduler'),
  ),
  ...['bootstrap-signer', 'cloud-provider', 'token-cleaner'].map((name) => toAccount('kube-system', name)),
];

const each = (
  kind: Kind<KubernetesObject>,
  objects: readonly KubernetesObject[],
): readonly { readonly kind: Kind<KubernetesObject>; readonly object: KubernetesObject }[] => objects.map((object) => ({ kind, object }));

/** Everything about access that a cluster starts with. */
export const defaultAccess = [
  ...each(clusterRoles, [...defaultClusterRoles, ...controllerRoles]),
  ...each(clusterRoleBindings, [...defaultClusterRoleBindings, ...controllerRoleBindings]),
  ...each(roles, defaultRoles),
  ...each(roleBindings, defaultRoleBindings),
];

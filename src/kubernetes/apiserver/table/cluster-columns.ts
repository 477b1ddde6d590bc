import type { KubernetesObject } from '../../../api/kubernetes/kinds.ts';
import type {
  APIService,
  CertificateSigningRequest,
  CSIDriver,
  CSINode,
  Ingress,
  IngressClass,
  NetworkPolicy,
  PodTemplate,
  ResourceQuota,
  RoleBinding,
  RuntimeClass,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
  VolumeAttachment,
  VolumeAttributesClass,
} from '../../../api/kubernetes/types.generated.ts';
import { aged, columns, labels, list, name, none, type Column } from './column.ts';

/** Kinds that are only named and dated. */
const created: readonly Column[] = [name, { name: 'Created At', cell: ({ metadata }) => metadata.creationTimestamp ?? '' }];

const plain = (...all: readonly Column<never>[]): readonly Column[] => all as readonly Column[];

const names = ({ subjects = [] }: RoleBinding, kind: string): string =>
  subjects
    .filter((one) => one.kind === kind)
    .map((one) => (kind === 'ServiceAccount' ? `${one.namespace}/${one.name}` : one.name))
    .join(', ');

const bindings = columns<RoleBinding>(
  { name: 'Role', cell: ({ roleRef }) => `${roleRef.kind}/${roleRef.name}` },
  { name: 'Users', wide: true, cell: (one) => names(one, 'User') },
  { name: 'Groups', wide: true, cell: (one) => names(one, 'Group') },
  { name: 'ServiceAccounts', wide: true, cell: (one) => names(one, 'ServiceAccount') },
);

function hosts({ spec }: Ingress): string {
  const all = (spec?.rules ?? []).flatMap((rule) => rule.host ?? []);
  if (all.length === 0) return '*';
  return all.length > 3 ? `${all.slice(0, 3).join(',')} + ${all.length - 3} more...` : all.join(',');
}

const amounts = (used: Readonly<Record<string, unknown>>, hard: Readonly<Record<string, unknown>>, isLimit: boolean): string =>
  Object.keys(hard)
    .filter((key) => key.startsWith('limits') === isLimit)
    .toSorted()
    .map((key) => `${key}: ${String(used[key] ?? 0)}/${String(hard[key])}`)
    .join(', ');

function condition({ status }: CertificateSigningRequest): string {
  const types = (status?.conditions ?? []).map((one) => one.type);
  const verdict = types.includes('Denied') ? 'Denied' : types.includes('Approved') ? 'Approved' : '';
  if (types.includes('Failed')) return verdict ? `${verdict},Failed` : 'Failed';
  if (!verdict) return 'Pending';
  return status?.certificate ? `${verdict},Issued` : verdict;
}

function available({ status }: APIService): string {
  const found = status?.conditions?.find((one) => one.type === 'Available');
  if (!found) return 'Unknown';
  return found.status === 'True' ? 'True' : `${found.status} (${found.reason ?? ''})`;
}

const webhooks = columns<KubernetesObject & { readonly webhooks?: readonly unknown[] }>({
  name: 'Webhooks',
  type: 'integer',
  cell: (one) => one.webhooks?.length ?? 0,
});

/** Columns of what administrators look at. */
export const clusterColumns: Readonly<Record<string, readonly Column[]>> = {
  Role: created,
  ClusterRole: created,
  LimitRange: created,
  CustomResourceDefinition: created,
  RoleBinding: bindings,
  ClusterRoleBinding: bindings,
  Ingress: columns<Ingress>(
    { name: 'Class', cell: ({ spec }) => spec?.ingressClassName ?? none },
    { name: 'Hosts', cell: hosts },
    {
      name: 'Address',
      cell: ({ status }) => (status?.loadBalancer?.ingress ?? []).flatMap((one) => one.ip ?? one.hostname ?? []).join(','),
    },
    { name: 'Ports', cell: ({ spec }) => (spec?.tls?.length ? '80, 443' : '80') },
  ),
  IngressClass: columns<IngressClass>(
    { name: 'Controller', cell: ({ spec }) => spec?.controller ?? '' },
    {
      name: 'Parameters',
      cell: ({ spec }) => {
        const { apiGroup, kind, name: named } = spec?.parameters ?? {};
        return kind ? `${kind}${apiGroup ? `.${apiGroup}` : ''}/${named}` : none;
      },
    },
  ),
  NetworkPolicy: columns<NetworkPolicy>({ name: 'Pod-Selector', cell: ({ spec }) => labels(spec?.podSelector?.matchLabels) }),
  ResourceQuota: columns<ResourceQuota>(
    { name: 'Request', cell: ({ spec, status }) => amounts(status?.used ?? {}, status?.hard ?? spec?.hard ?? {}, false) },
    { name: 'Limit', cell: ({ spec, status }) => amounts(status?.used ?? {}, status?.hard ?? spec?.hard ?? {}, true) },
  ),
  CertificateSigningRequest: plain(
    name as Column<never>,
    aged as Column<never>,
    { name: 'SignerName', cell: ({ spec }: CertificateSigningRequest) => spec.signerName },
    { name: 'Requestor', cell: ({ spec }: CertificateSigningRequest) => spec.username ?? '' },
    {
      name: 'RequestedDuration',
      cell: ({ spec }: CertificateSigningRequest) => (spec.expirationSeconds === undefined ? none : `${spec.expirationSeconds}s`),
    },
    { name: 'Condition', cell: condition },
  ),
  APIService: columns<APIService>(
    { name: 'Service', cell: ({ spec }) => (spec?.service ? `${spec.service.namespace}/${spec.service.name}` : 'Local') },
    { name: 'Available', cell: available },
  ),
  MutatingWebhookConfiguration: webhooks,
  ValidatingWebhookConfiguration: webhooks,
  ValidatingAdmissionPolicy: columns<ValidatingAdmissionPolicy>(
    { name: 'Validations', type: 'integer', cell: ({ spec }) => spec?.validations?.length ?? 0 },
    { name: 'ParamKind', cell: ({ spec }) => (spec?.paramKind ? `${spec.paramKind.apiVersion}/${spec.paramKind.kind}` : '<unset>') },
  ),
  ValidatingAdmissionPolicyBinding: columns<ValidatingAdmissionPolicyBinding>(
    { name: 'PolicyName', cell: ({ spec }) => spec?.policyName ?? '' },
    {
      name: 'ParamRef',
      cell: ({ spec }) => {
        const ref = spec?.paramRef;
        return ref ? `${ref.namespace ?? '*'}/${ref.name ?? '*'}` : '<unset>';
      },
    },
  ),
  RuntimeClass: columns<RuntimeClass>({ name: 'Handler', cell: ({ handler }) => handler }),
  CSIDriver: columns<CSIDriver>(
    { name: 'AttachRequired', cell: ({ spec }) => String(spec.attachRequired ?? true) },
    { name: 'PodInfoOnMount', cell: ({ spec }) => String(spec.podInfoOnMount ?? false) },
    { name: 'StorageCapacity', cell: ({ spec }) => String(spec.storageCapacity ?? false) },
    { name: 'TokenRequests', cell: ({ spec }) => (spec.tokenRequests ?? []).map((one) => one.audience).join(',') || '<unset>' },
    { name: 'RequiresRepublish', cell: ({ spec }) => String(spec.requiresRepublish ?? false) },
    { name: 'Modes', cell: ({ spec }) => list(spec.volumeLifecycleModes) },
  ),
  CSINode: columns<CSINode>({ name: 'Drivers', type: 'integer', cell: ({ spec }) => spec.drivers.length }),
  VolumeAttachment: columns<VolumeAttachment>(
    { name: 'Attacher', cell: ({ spec }) => spec.attacher },
    { name: 'PV', cell: ({ spec }) => spec.source.persistentVolumeName ?? '' },
    { name: 'Node', cell: ({ spec }) => spec.nodeName },
    { name: 'Attached', cell: ({ status }) => String(status?.attached ?? false) },
  ),
  VolumeAttributesClass: columns<VolumeAttributesClass>({ name: 'DriverName', cell: ({ driverName }) => driverName }),
  PodTemplate: plain(
    name as Column<never>,
    { name: 'Containers', cell: ({ template }: PodTemplate) => list(template?.spec?.containers.map((one) => one.name)) },
    { name: 'Images', cell: ({ template }: PodTemplate) => list(template?.spec?.containers.map((one) => one.image ?? '')) },
    { name: 'Pod Labels', cell: ({ template }: PodTemplate) => labels(template?.metadata?.labels) },
  ),
};

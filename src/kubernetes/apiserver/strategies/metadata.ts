import { arrayOf, at, objectOf } from '../json.ts';
import type { Resource } from '../resources.ts';
import type { FieldCause } from '../status.ts';
import { checkLabelName, checkLabels, checkPathSegment, checkSubdomain } from './names.ts';
import { forbidden, immutable, invalid, required, type Body } from './strategy.ts';

/** Kinds whose names are DNS labels; all others are DNS subdomains. */
const labelNamed = new Set(['namespaces', 'services']);
/** Names with colons or an end in a dot: `system:node`, `v1.`. */
const freelyNamed = new Set(['roles', 'rolebindings', 'clusterroles', 'clusterrolebindings', 'certificatesigningrequests', 'apiservices']);
const immutableMetadata = ['uid', 'creationTimestamp', 'namespace', 'name'] as const;
const annotationLimit = 256 * 1024;

export function validateMetadata(resource: Resource, object: Body): readonly FieldCause[] {
  const { name, generateName, labels, annotations } = object.metadata;
  const checkName = labelNamed.has(resource.resource)
    ? checkLabelName
    : freelyNamed.has(resource.resource)
      ? checkPathSegment
      : checkSubdomain;
  const isMissing = !name && !generateName;
  return [
    ...(isMissing ? [required('metadata.name', 'name or generateName is required')] : checkName('metadata.name', name)),
    ...checkLabels('metadata.labels', labels),
    ...validateAnnotations(annotations),
    ...arrayOf(object.metadata.finalizers).flatMap((one, index) => checkFinalizer(resource, `metadata.finalizers[${index}]`, String(one))),
    ...validateOwners(object),
  ];
}

export function validateMetadataUpdate(object: Body, before: Body): readonly FieldCause[] {
  const added = arrayOf(object.metadata.finalizers).filter((one) => !arrayOf(before.metadata.finalizers).includes(one));
  const isLate = before.metadata.deletionTimestamp !== undefined && added.length > 0;
  return [
    ...immutableMetadata.flatMap((field) => immutable(`metadata.${field}`, object.metadata[field], before.metadata[field])),
    ...(isLate
      ? [
          forbidden(
            'metadata.finalizers',
            `no new finalizers can be added if the object is being deleted, found new finalizers ${JSON.stringify(added)}`,
          ),
        ]
      : []),
  ];
}

function validateAnnotations(annotations: Readonly<Record<string, string>> | undefined): readonly FieldCause[] {
  const size = Object.entries(annotations ?? {}).reduce((sum, [key, value]) => sum + key.length + value.length, 0);
  const keys = Object.fromEntries(Object.keys(annotations ?? {}).map((key) => [key.toLowerCase(), '']));
  return [
    ...checkLabels('metadata.annotations', keys),
    ...(size > annotationLimit
      ? [{ reason: 'FieldValueTooLong', field: 'metadata.annotations', message: `Too long: may not be more than ${annotationLimit} bytes` }]
      : []),
  ];
}

const coreFinalizers = new Set(['orphan', 'foregroundDeletion', 'kubernetes']);

/** Custom resources and what defines them may have finalizers without a slash. */
function checkFinalizer(resource: Resource, field: string, value: string): readonly FieldCause[] {
  const isFree = resource.custom !== undefined || resource.group.startsWith('api');
  if (coreFinalizers.has(value) || isFree) return isFree ? checkLabels(field, { [value]: '' }) : [];
  if (!value.includes('/')) return [invalid(field, value, 'name is neither a standard finalizer name nor is it fully qualified')];
  return checkLabels(field, { [value]: '' });
}

function validateOwners(object: Body): readonly FieldCause[] {
  const owners = object.metadata.ownerReferences ?? [];
  const missing = owners.flatMap((owner, index) =>
    (['apiVersion', 'kind', 'name', 'uid'] as const)
      .filter((field) => !owner[field])
      .map((field) => invalid(`metadata.ownerReferences[${index}].${field}`, owner[field] ?? '', 'must not be empty')),
  );
  const managing = owners.filter((owner) => owner.controller === true);
  if (managing.length < 2) return missing;
  const names = managing.map((owner) => `${owner.kind}/${owner.name}`).join(' and ');
  return [...missing, invalid('metadata.ownerReferences', names, 'Only one reference can have Controller set to true')];
}

/** Labels of a pod template must satisfy the selector that is to find its pods. */
export function templateLabels(object: Body): Readonly<Record<string, string>> {
  return objectOf(at(object, 'spec', 'template', 'metadata', 'labels')) as Readonly<Record<string, string>>;
}

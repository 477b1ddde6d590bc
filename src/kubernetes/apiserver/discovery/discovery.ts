import { apiVersion, type Resource, resources } from '../resources.ts';

/** Resources that are answered without being stored. */
interface Review {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

export const reviews: readonly Review[] = [
  { group: 'authentication.k8s.io', version: 'v1', resource: 'selfsubjectreviews', kind: 'SelfSubjectReview', namespaced: false },
  { group: 'authentication.k8s.io', version: 'v1', resource: 'tokenreviews', kind: 'TokenReview', namespaced: false },
  {
    group: 'authorization.k8s.io',
    version: 'v1',
    resource: 'selfsubjectaccessreviews',
    kind: 'SelfSubjectAccessReview',
    namespaced: false,
  },
  { group: 'authorization.k8s.io', version: 'v1', resource: 'selfsubjectrulesreviews', kind: 'SelfSubjectRulesReview', namespaced: false },
  { group: 'authorization.k8s.io', version: 'v1', resource: 'subjectaccessreviews', kind: 'SubjectAccessReview', namespaced: false },
  {
    group: 'authorization.k8s.io',
    version: 'v1',
    resource: 'localsubjectaccessreviews',
    kind: 'LocalSubjectAccessReview',
    namespaced: true,
  },
];

const verbs = ['create', 'delete', 'deletecollection', 'get', 'list', 'patch', 'update', 'watch'];

interface Row {
  readonly name: string;
  readonly singular: string;
  readonly namespaced: boolean;
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly responseKind?: { readonly group: string; readonly version: string; readonly kind: string };
  readonly verbs: readonly string[];
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
}

/** A resource and its subresources, as rows of discovery. */
function rowsOf(one: Resource): readonly Row[] {
  const { group, version, kind, namespaced } = one;
  const base = { namespaced, group, version, kind, singular: '' };
  const scale = { group: 'autoscaling', version: 'v1', kind: 'Scale' };
  return [
    {
      ...base,
      name: one.resource,
      singular: one.singular,
      verbs,
      ...(one.shortNames.length > 0 ? { shortNames: one.shortNames } : {}),
      ...(one.categories.length > 0 ? { categories: one.categories } : {}),
    },
    ...(one.hasStatus ? [{ ...base, name: `${one.resource}/status`, verbs: ['get', 'patch', 'update'] }] : []),
    ...(one.hasScale ? [{ ...base, name: `${one.resource}/scale`, verbs: ['get', 'patch', 'update'], responseKind: scale }] : []),
    ...(one.resource === 'pods' ? podSubresources(base) : []),
    ...(one.resource === 'namespaces' ? [{ ...base, name: 'namespaces/finalize', verbs: ['update'] }] : []),
  ];
}

function podSubresources(base: Omit<Row, 'name' | 'verbs'>): readonly Row[] {
  const options = (kind: string): Row['responseKind'] => ({ group: '', version: 'v1', kind });
  return [
    { ...base, name: 'pods/attach', verbs: ['create', 'get'], responseKind: options('PodAttachOptions') },
    { ...base, name: 'pods/binding', verbs: ['create'], responseKind: options('Binding') },
    { ...base, name: 'pods/eviction', verbs: ['create'], responseKind: { group: 'policy', version: 'v1', kind: 'Eviction' } },
    { ...base, name: 'pods/exec', verbs: ['create', 'get'], responseKind: options('PodExecOptions') },
    { ...base, name: 'pods/log', verbs: ['get'] },
    { ...base, name: 'pods/resize', verbs: ['get', 'patch', 'update'] },
    { ...base, name: 'pods/portforward', verbs: ['create', 'get'], responseKind: options('PodPortForwardOptions') },
  ];
}

const rows: readonly Row[] = [
  ...resources.flatMap(rowsOf),
  ...reviews.map((review) => ({ ...review, name: review.resource, singular: review.kind.toLowerCase(), verbs: ['create'] })),
];

/** Every `<group>/<version>` that is served. */
export const groupVersions: readonly { readonly group: string; readonly version: string }[] = [
  ...new Map(rows.map(({ group, version }) => [`${group}/${version}`, { group, version }])).values(),
];

/** `/api/v1` and `/apis/<group>/<version>`; undefined when that is not served. */
export function resourceList(group: string, version: string): object | undefined {
  const own = rows.filter((row) => row.group === group && row.version === version);
  if (own.length === 0) return undefined;
  return {
    kind: 'APIResourceList',
    ...(group === '' ? {} : { apiVersion: 'v1' }),
    groupVersion: apiVersion({ group, version }),
    resources: own.map((row) => ({
      name: row.name,
      singularName: row.singular,
      namespaced: row.namespaced,
      ...(row.responseKind && row.responseKind.group !== group ? { group: row.responseKind.group, version: row.responseKind.version } : {}),
      kind: row.responseKind?.kind ?? row.kind,
      verbs: row.verbs,
      ...(row.shortNames ? { shortNames: row.shortNames } : {}),
      ...(row.categories ? { categories: row.categories } : {}),
    })),
  };
}

/** `/api`. */
export const coreVersions: object = { kind: 'APIVersions', versions: ['v1'], serverAddressByClientCIDRs: [] };

/** `/apis`. */
export function groupList(): object {
  const groups = Map.groupBy(
    groupVersions.filter(({ group }) => group !== ''),
    ({ group }) => group,
  );
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: [...groups].map(([name, versions]) => groupOf(name, versions)) };
}

/** `/apis/<group>`. */
export function apiGroup(name: string): object | undefined {
  const versions = groupVersions.filter(({ group }) => group === name && group !== '');
  return versions.length > 0 ? { kind: 'APIGroup', apiVersion: 'v1', ...groupOf(name, versions) } : undefined;
}

function groupOf(name: string, versions: readonly { readonly group: string; readonly version: string }[]): object {
  const all = versions.map((one) => ({ groupVersion: apiVersion(one), version: one.version }));
  return { name, versions: all, preferredVersion: all[0] };
}

/** Aggregated discovery v2: `/api` for the core group, `/apis` for the others, in one answer each. */
export function aggregated(scope: 'api' | 'apis'): object {
  const wanted = groupVersions.filter(({ group }) => (group === '') === (scope === 'api'));
  const groups = Map.groupBy(wanted, ({ group }) => group);
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items: [...groups].map(([group, versions]) => ({
      metadata: { name: group === '' ? undefined : group, creationTimestamp: null },
      versions: versions.map(({ version }) => ({ version, freshness: 'Current', resources: aggregatedResources(group, version) })),
    })),
  };
}

function aggregatedResources(group: string, version: string): readonly object[] {
  const own = rows.filter((row) => row.group === group && row.version === version);
  return own
    .filter((row) => !row.name.includes('/'))
    .map((row) => {
      const subresources = own
        .filter((other) => other.name.startsWith(`${row.name}/`))
        .map((other) => ({
          subresource: other.name.slice(row.name.length + 1),
          responseKind: other.responseKind ?? kindOf(other),
          verbs: other.verbs,
        }));
      return {
        resource: row.name,
        responseKind: kindOf(row),
        scope: row.namespaced ? 'Namespaced' : 'Cluster',
        singularResource: row.singular,
        verbs: row.verbs,
        ...(row.shortNames ? { shortNames: row.shortNames } : {}),
        ...(row.categories ? { categories: row.categories } : {}),
        ...(subresources.length > 0 ? { subresources } : {}),
      };
    });
}

function kindOf({ group, version, kind }: Row): object {
  return { group, version, kind };
}

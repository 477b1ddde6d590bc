import type { Catalog } from '../catalog.ts';
import { apiVersion, type Resource } from '../resources.ts';
import type { Listed } from './merged.ts';

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
    ...(moreSubresources[`${one.resource}.${one.group}`] ?? []).map((extra) => ({ ...base, ...extra })),
  ];
}

/** Subresources besides status and scale, by `<resource>.<group>`. */
const moreSubresources: Readonly<Record<string, readonly Pick<Row, 'name' | 'verbs' | 'responseKind'>[]>> = {
  'namespaces.': [{ name: 'namespaces/finalize', verbs: ['update'] }],
  'serviceaccounts.': [
    {
      name: 'serviceaccounts/token',
      verbs: ['create'],
      responseKind: { group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest' },
    },
  ],
  'certificatesigningrequests.certificates.k8s.io': [{ name: 'certificatesigningrequests/approval', verbs: ['get', 'patch', 'update'] }],
};

function podSubresources(base: Omit<Row, 'name' | 'verbs'>): readonly Row[] {
  const options = (kind: string): Row['responseKind'] => ({ group: '', version: 'v1', kind });
  return [
    { ...base, name: 'pods/attach', verbs: ['create', 'get'], responseKind: options('PodAttachOptions') },
    { ...base, name: 'pods/binding', verbs: ['create'], responseKind: options('Binding') },
    { ...base, name: 'pods/ephemeralcontainers', verbs: ['get', 'patch', 'update'] },
    { ...base, name: 'pods/eviction', verbs: ['create'], responseKind: { group: 'policy', version: 'v1', kind: 'Eviction' } },
    { ...base, name: 'pods/exec', verbs: ['create', 'get'], responseKind: options('PodExecOptions') },
    { ...base, name: 'pods/log', verbs: ['get'] },
    { ...base, name: 'pods/resize', verbs: ['get', 'patch', 'update'] },
    { ...base, name: 'pods/portforward', verbs: ['create', 'get'], responseKind: options('PodPortForwardOptions') },
  ];
}

/** A group's version, in the order in which they are shown. */
export interface GroupVersion {
  readonly group: string;
  readonly version: string;
}

/** `v2` before `v1` before `v1beta1`, as clients prefer them. */
export function versionRank(version: string): number {
  const [, major = '0', level = '', minor = '0'] = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version) ?? [];
  const stability = level === '' ? 2 : level === 'beta' ? 1 : 0;
  return stability * 1e6 + Number(major) * 1e3 + Number(minor);
}

const known = new WeakMap<Catalog, { readonly generation: number; readonly rows: readonly Row[] }>();

function rowsIn(catalog: Catalog): readonly Row[] {
  const before = known.get(catalog);
  if (before?.generation === catalog.generation) return before.rows;
  const rows = [
    ...catalog.all.flatMap(rowsOf),
    ...reviews.map((review) => ({ ...review, name: review.resource, singular: review.kind.toLowerCase(), verbs: ['create'] })),
    ...catalog.live.map((live) => ({ ...live, name: live.resource, verbs: ['get', 'list'] })),
  ];
  known.set(catalog, { generation: catalog.generation, rows });
  return rows;
}

/** Every `<group>/<version>` that is served, the preferred version of a group first. */
export function groupVersions(catalog: Catalog): readonly GroupVersion[] {
  const all = [...new Map(rowsIn(catalog).map(({ group, version }) => [`${group}/${version}`, { group, version }])).values()];
  const first = [...new Set(all.map(({ group }) => group))];
  return all.toSorted((a, b) => first.indexOf(a.group) - first.indexOf(b.group) || versionRank(b.version) - versionRank(a.version));
}

/** `/api/v1` and `/apis/<group>/<version>`; undefined when that is not served. */
export function resourceList(catalog: Catalog, group: string, version: string): object | undefined {
  const own = rowsIn(catalog).filter((row) => row.group === group && row.version === version);
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
export function groupList(versions: readonly GroupVersion[]): object {
  const groups = Map.groupBy(
    versions.filter(({ group }) => group !== ''),
    ({ group }) => group,
  );
  return { kind: 'APIGroupList', apiVersion: 'v1', groups: [...groups].map(([name, all]) => groupOf(name, all)) };
}

/** `/apis/<group>`. */
export function apiGroup(versions: readonly GroupVersion[], name: string): object | undefined {
  const own = versions.filter(({ group }) => group === name && group !== '');
  return own.length > 0 ? { kind: 'APIGroup', apiVersion: 'v1', ...groupOf(name, own) } : undefined;
}

function groupOf(name: string, versions: readonly { readonly group: string; readonly version: string }[]): object {
  const all = versions.map((one) => ({ groupVersion: apiVersion(one), version: one.version }));
  return { name, versions: all, preferredVersion: all[0] };
}

/** Aggregated discovery v2: `/api` for the core group, `/apis` for the others, in one answer each. */
export function aggregated(catalog: Catalog, versions: readonly Listed[], scope: 'api' | 'apis'): object {
  const wanted = versions.filter(({ group }) => (group === '') === (scope === 'api'));
  const groups = Map.groupBy(wanted, ({ group }) => group);
  return {
    kind: 'APIGroupDiscoveryList',
    apiVersion: 'apidiscovery.k8s.io/v2',
    metadata: {},
    items: [...groups].map(([group, all]) => ({
      metadata: { name: group === '' ? undefined : group, creationTimestamp: null },
      versions: all.map(({ version, remote }) => ({
        version,
        freshness: remote && !remote.isCurrent ? 'Stale' : 'Current',
        resources: remote?.resources ?? aggregatedResources(catalog, group, version),
      })),
    })),
  };
}

function aggregatedResources(catalog: Catalog, group: string, version: string): readonly object[] {
  const own = rowsIn(catalog).filter((row) => row.group === group && row.version === version);
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

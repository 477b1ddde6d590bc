import type { Backends, RemoteService } from './backend.ts';
import { remoteUserHeaders } from './remote-user.ts';
import { isObject, objectOf, objectsOf, textOf, type JsonObject } from '../json.ts';
import type { SecondDocument } from '../openapi/second-document.ts';

/** What the server behind an APIService serves, in the form of aggregated discovery. */
export interface RemoteDiscovery {
  readonly resources: readonly JsonObject[];
  /** Where its OpenAPI v3 document is, with the hash that lets clients cache it. */
  readonly openapiUrl?: string;
  /** What it adds to OpenAPI v2. */
  readonly openapiSecond?: SecondDocument;
}

const ourselves = remoteUserHeaders({ name: 'system:kube-aggregator', groups: ['system:masters'] });
const v2 = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

/** In one document where the server has it, else made from the older list of one version. */
export async function discoverRemote(backends: Backends, service: RemoteService, signal: AbortSignal): Promise<RemoteDiscovery> {
  const { group = '', version = '' } = service.spec;
  const ask = (path: string, headers: object = {}): Promise<unknown> =>
    backends.document(service, path, { ...ourselves, ...headers }, signal);
  const [all, index, second] = await Promise.all([
    ask('/apis', { accept: `${v2},application/json` }),
    ask('/openapi/v3').catch(() => undefined),
    ask('/openapi/v2').catch(() => undefined),
  ]);
  const resources = aggregatedOf(all, group, version) ?? fromList(await ask(`/apis/${group}/${version}`), group, version);
  const openapiUrl = openapiUrlOf(index, `apis/${group}/${version}`);
  const openapiSecond = isObject(second) ? secondOf(second, `/apis/${group}/${version}/`) : undefined;
  return { resources, ...(openapiUrl !== undefined && { openapiUrl }), ...(openapiSecond && { openapiSecond }) };
}

function aggregatedOf(document: unknown, group: string, version: string): readonly JsonObject[] | undefined {
  if (!isObject(document) || document['kind'] !== 'APIGroupDiscoveryList') return undefined;
  const found = objectsOf(document['items'])
    .filter((one) => isObject(one['metadata']) && one['metadata']['name'] === group)
    .flatMap((one) => objectsOf(one['versions']))
    .find((one) => one['version'] === version);
  return found && objectsOf(found['resources']);
}

/** `widgets`, `widgets/status` … of an APIResourceList as resources with subresources. */
export function fromList(document: unknown, group: string, version: string): readonly JsonObject[] {
  const rows = objectsOf(isObject(document) ? document['resources'] : undefined);
  const nameOf = (row: JsonObject): string => textOf(row['name']);
  const kindOf = (row: JsonObject): JsonObject => ({
    group: textOf(row['group']) || group,
    version: textOf(row['version']) || version,
    kind: row['kind'],
  });
  return rows
    .filter((row) => !nameOf(row).includes('/'))
    .map((row) => {
      const subresources = rows
        .filter((other) => nameOf(other).startsWith(`${nameOf(row)}/`))
        .map((other) => ({
          subresource: nameOf(other).slice(nameOf(row).length + 1),
          responseKind: kindOf(other),
          verbs: other['verbs'],
        }));
      return {
        resource: nameOf(row),
        responseKind: kindOf(row),
        scope: row['namespaced'] === true ? 'Namespaced' : 'Cluster',
        singularResource: textOf(row['singularName']),
        verbs: row['verbs'],
        ...(row['shortNames'] !== undefined && { shortNames: row['shortNames'] }),
        ...(row['categories'] !== undefined && { categories: row['categories'] }),
        ...(subresources.length > 0 && { subresources }),
      };
    });
}

function openapiUrlOf(index: unknown, path: string): string | undefined {
  const paths = isObject(index) && isObject(index['paths']) ? index['paths'] : {};
  const found = paths[path];
  const url = isObject(found) ? textOf(found['serverRelativeURL']) : '';
  return url.startsWith(`/openapi/v3/${path}`) ? url : undefined;
}

/** Of a whole document what lies below one path; the definitions are all its own. */
function secondOf(document: JsonObject, below: string): SecondDocument {
  const paths = Object.entries(objectOf(document['paths'])).filter(([path]) => path.startsWith(below));
  return { paths: Object.fromEntries(paths), definitions: objectOf(document['definitions']) };
}

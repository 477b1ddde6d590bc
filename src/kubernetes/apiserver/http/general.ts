import { serveRemote } from '../aggregation/serve-remote.ts';
import { aggregated, apiGroup, coreVersions, groupList, resourceList } from '../discovery/discovery.ts';
import { mergedVersions } from '../discovery/merged.ts';
import { openapiIndex, openapiText } from '../openapi/document.ts';
import { serveSecond } from '../openapi/serve-second.ts';
import { issuer } from '../access/service-account-tokens.ts';
import { apiError } from '../status.ts';
import type { Routes } from './router.ts';
import { sendJson, sendText, type Exchange } from './exchange.ts';
import { healthOf } from './health.ts';

export const version = {
  major: '1',
  minor: '35',
  gitVersion: 'v1.35.0+davit',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '2025-12-17T00:00:00Z',
  goVersion: 'none',
  compiler: 'none',
  platform: `linux/${process.arch === 'x64' ? 'amd64' : process.arch}`,
};

const aggregatedType = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

/** Everything that is not a resource: health, version, discovery, OpenAPI. False when the path is none of these. */
export async function serveGeneral(routes: Routes, exchange: Exchange): Promise<boolean> {
  const [root = '', ...rest] = exchange.path.split('/').filter((part) => part !== '');
  switch (root) {
    case '':
      json(exchange, {
        paths: ['/api', '/api/v1', '/apis', '/healthz', '/livez', '/metrics', '/openapi/v2', '/openapi/v3', '/readyz', '/version'],
      });
      return true;
    case 'healthz':
    case 'livez':
    case 'readyz': {
      const health = healthOf(routes, root, rest.join('/'), exchange.query);
      if (!health) return false;
      sendText(exchange, health.code, health.text, 'text/plain; charset=utf-8');
      return true;
    }
    case 'version':
      json(exchange, version);
      return true;
    case 'metrics':
      sendText(exchange, 200, await routes.metrics.text(), 'text/plain; version=0.0.4; charset=utf-8');
      return true;
    case '.well-known':
      if (rest.join('/') !== 'openid-configuration') return false;
      json(exchange, discoveryDocument());
      return true;
    case 'openid':
      if (rest.join('/') !== 'v1/jwks') return false;
      sendText(exchange, 200, JSON.stringify(await routes.authenticator.tokens.jwks()), 'application/jwk-set+json');
      return true;
    case 'openapi':
      return serveOpenapi(routes, exchange, rest);
    case 'api':
    case 'apis':
      return serveDiscovery(routes, exchange, root, rest);
    default:
      return false;
  }
}

function serveDiscovery(
  { registry: { catalog }, aggregator }: Routes,
  exchange: Exchange,
  root: 'api' | 'apis',
  rest: readonly string[],
): boolean {
  const versions = mergedVersions(catalog, aggregator.versions());
  if (rest.length === 0) {
    const wantsAll = (exchange.headers.accept ?? '').includes('g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList');
    if (wantsAll) sendJson(exchange, 200, JSON.stringify(aggregated(catalog, versions, root)), { type: aggregatedType });
    else json(exchange, root === 'api' ? coreVersions : groupList(versions));
    return true;
  }
  const [group = '', groupVersion = ''] = root === 'api' ? ['', ...rest] : rest;
  const depth = root === 'api' ? 1 : 2;
  if (rest.length > depth) return false;
  const document = rest.length < depth ? apiGroup(versions, group) : resourceList(catalog, group, groupVersion);
  if (!document) throw pathNotFound();
  json(exchange, document);
  return true;
}

async function serveOpenapi({ registry: { catalog }, aggregator }: Routes, exchange: Exchange, rest: readonly string[]): Promise<boolean> {
  if (rest.join('/') === 'v2') {
    await serveSecond(catalog, aggregator, exchange);
    return true;
  }
  if (rest[0] !== 'v3') return false;
  if (rest.length === 1) {
    json(exchange, openapiIndex(catalog, aggregator.openapiUrls()));
    return true;
  }
  const remote = aggregator.remoteAt(`/${rest.slice(1).join('/')}`);
  if (remote) {
    await serveRemote(aggregator, { ...exchange, user: { name: 'system:aggregator', groups: ['system:masters'] } }, remote);
    return true;
  }
  const [, root, ...path] = rest;
  const [group = '', groupVersion = ''] = root === 'api' ? ['', ...path] : path;
  const document = openapiText(catalog, group, groupVersion);
  if (!document) throw pathNotFound();
  const etag = `"${document.hash}"`;
  const isCached = exchange.query.get('hash') === document.hash;
  const headers = { etag, vary: 'Accept', ...(isCached && { 'cache-control': 'public, immutable' }) };
  if (exchange.headers['if-none-match'] === etag) sendText(exchange, 304, '', 'application/json', headers);
  else sendText(exchange, 200, document.body, 'application/json', headers);
  return true;
}

export function pathNotFound(): Error {
  return apiError('NotFound', 'the server could not find the requested resource');
}

function json(exchange: Exchange, value: object): void {
  sendJson(exchange, 200, JSON.stringify(value));
}

/** Where whoever trusts service accounts' tokens finds the keys. */
function discoveryDocument(): object {
  return {
    issuer,
    jwks_uri: `${issuer}/openid/v1/jwks`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['ES256'],
  };
}

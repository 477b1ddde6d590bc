import { apiError } from '../status.ts';

/** What a path below /api or /apis names. */
export interface Target {
  readonly group: string;
  readonly version: string;
  readonly namespace?: string;
  readonly resource: string;
  readonly name?: string;
  readonly subresource?: string;
}

/**
 *   /api/v1/pods                                       all pods
 *   /apis/apps/v1/namespaces/default/deployments/web/scale
 *   /api/v1/namespaces/default/status                  a namespace's own subresource
 */
export function targetOf(path: string): Target | undefined {
  const [root, ...parts] = path
    .split('/')
    .filter((part) => part !== '')
    .map(decode);
  const isCore = root === 'api';
  if (!isCore && root !== 'apis') return undefined;
  const [group = '', version = '', ...rest] = isCore ? ['', ...parts] : parts;
  if (rest.length === 0) return undefined;
  const isInside =
    rest[0] === 'namespaces' && rest.length > 2 && !(group === '' && ownSubresources.has(rest[2] ?? '') && rest.length === 3);
  const [resource = '', name, ...more] = isInside ? rest.slice(2) : rest;
  return {
    group,
    version,
    resource,
    name,
    namespace: isInside ? rest[1] : undefined,
    subresource: more.length > 0 ? more.join('/') : undefined,
  };
}

const ownSubresources = new Set(['status', 'finalize']);

export type Verb = 'get' | 'list' | 'watch' | 'create' | 'update' | 'patch' | 'delete' | 'deletecollection';

export function verbOf(method: string, target: Target, query: URLSearchParams): Verb {
  switch (method) {
    case 'GET':
    case 'HEAD':
      if (isTrue(query.get('watch'))) return 'watch';
      return target.name === undefined ? 'list' : 'get';
    case 'POST':
      return 'create';
    case 'PUT':
      return 'update';
    case 'PATCH':
      return 'patch';
    case 'DELETE':
      return target.name === undefined ? 'deletecollection' : 'delete';
    default:
      throw apiError('MethodNotAllowed', `the server does not allow this method on the requested resource`);
  }
}

export function isTrue(value: string | null): boolean {
  return value === 'true' || value === '1' || value === '';
}

function decode(part: string): string {
  if (!part.includes('%')) return part;
  try {
    return decodeURIComponent(part);
  } catch {
    throw apiError('BadRequest', `invalid URL escape in "${part}"`);
  }
}

import { apiError } from '../status.ts';
import type { User } from './user.ts';

/** What is asked for: a resource, or a path outside the resources. */
export type Attributes =
  | {
      readonly verb: string;
      readonly group: string;
      readonly resource: string;
      readonly subresource?: string;
      readonly namespace?: string;
      readonly name?: string;
    }
  | { readonly verb: string; readonly path: string };

const publicPaths = /^\/(healthz|livez|readyz)(\/|$)|^\/version\/?$/;
const discoveryPaths = /^\/(api|apis|openapi)(\/|$)|^\/version\/?$/;

/** What kubelets and the node's proxy and DNS do (upstream: Node authorizer and system:node, system:node-proxier, system:kube-dns). */
const nodeRules: Readonly<Record<string, readonly string[]>> = {
  nodes: ['get', 'list', 'watch', 'create', 'update', 'patch'],
  'nodes/status': ['get', 'update', 'patch'],
  pods: ['get', 'list', 'watch', 'create', 'delete'],
  'pods/status': ['get', 'update', 'patch'],
  'pods/eviction': ['create'],
  events: ['create', 'update', 'patch'],
  leases: ['get', 'create', 'update', 'patch', 'delete'],
  services: ['get', 'list', 'watch'],
  endpoints: ['get', 'list', 'watch'],
  endpointslices: ['get', 'list', 'watch'],
  namespaces: ['get', 'list', 'watch'],
  configmaps: ['get', 'list', 'watch'],
  secrets: ['get', 'list', 'watch'],
  serviceaccounts: ['get', 'list', 'watch'],
  persistentvolumeclaims: ['get', 'list', 'watch'],
  persistentvolumes: ['get', 'list', 'watch'],
};

export function isAllowed(user: User, asked: Attributes): boolean {
  if (user.groups.includes('system:masters')) return true;
  if ('path' in asked) {
    const isRead = asked.verb === 'get';
    return isRead && (publicPaths.test(asked.path) || (user.groups.includes('system:authenticated') && discoveryPaths.test(asked.path)));
  }
  if (asked.resource.startsWith('selfsubject') && user.groups.includes('system:authenticated')) return true;
  if (!user.groups.includes('system:nodes')) return false;
  const resource = asked.subresource ? `${asked.resource}/${asked.subresource}` : asked.resource;
  return nodeRules[resource]?.includes(asked.verb) === true && (asked.resource !== 'nodes' || isOwnNode(user, asked.verb, asked.name));
}

/** NodeRestriction: a node writes its own Node object and nobody else's. */
function isOwnNode(user: User, verb: string, name: string | undefined): boolean {
  const isRead = ['get', 'list', 'watch'].includes(verb);
  return isRead || name === undefined || user.name === `system:node:${name}`;
}

/** Throws `Forbidden`, or `Unauthorized` when nobody was identified and more than a health check was asked for. */
export function authorize(user: User, asked: Attributes): void {
  if (isAllowed(user, asked)) return;
  if ('path' in asked) throw apiError('Forbidden', `forbidden: User "${user.name}" cannot ${asked.verb} path "${asked.path}"`);
  const resource = asked.subresource ? `${asked.resource}/${asked.subresource}` : asked.resource;
  const scope = asked.namespace ? `in the namespace "${asked.namespace}"` : 'at the cluster scope';
  const subject = `${asked.group ? `${resource.replace('/', `.${asked.group}/`)}` : resource}${asked.name ? ` "${asked.name}"` : ''}`;
  const text = `${subject} is forbidden: User "${user.name}" cannot ${asked.verb} resource "${resource}" in API group "${asked.group}" ${scope}`;
  throw apiError('Forbidden', text, {
    ...(asked.name ? { name: asked.name } : {}),
    ...(asked.group ? { group: asked.group } : {}),
    kind: asked.resource,
  });
}

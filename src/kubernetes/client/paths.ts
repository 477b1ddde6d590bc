import type { Kind } from '../../api/kubernetes/kinds.ts';
import type { ListOptions } from './client.ts';

/** `/apis/apps/v1/namespaces/default/deployments[/web[/status]]` */
export function resourcePath(kind: Kind, namespace: string | undefined, name?: string, subresource?: string): string {
  const root = kind.group === '' ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`;
  const scope = kind.namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  const rest = [name, subresource].flatMap((part) => (part === undefined ? [] : [`/${encodeURIComponent(part)}`])).join('');
  return `${root}${scope}/${kind.resource}${rest}`;
}

/** `?labelSelector=…` or nothing. */
export function queryOf(options: ListOptions, more: Readonly<Record<string, string>> = {}): string {
  const query = new URLSearchParams(more);
  if (options.labelSelector) query.set('labelSelector', options.labelSelector);
  if (options.fieldSelector) query.set('fieldSelector', options.fieldSelector);
  return query.size === 0 ? '' : `?${query.toString()}`;
}

/** How a kind is addressed in `apiVersion`. */
export function apiVersionOf(kind: Kind): string {
  return kind.group === '' ? kind.version : `${kind.group}/${kind.version}`;
}

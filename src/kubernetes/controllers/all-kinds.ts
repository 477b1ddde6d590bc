import * as catalog from '../../api/kubernetes/kinds.ts';
import type { Kind } from '../../api/kubernetes/kinds.ts';

/** Every kind that the API serves. */
export const allKinds: readonly Kind[] = Object.values(catalog).filter(
  (value): value is Kind => typeof value === 'object' && value !== null && 'resource' in value,
);

/** The kind that an owner reference or an object names, in whatever version; undefined: not one of ours. */
export function kindNamed(apiVersion: string, name: string): Kind | undefined {
  const group = apiVersion.includes('/') ? apiVersion.split('/')[0] : '';
  return allKinds.find((kind) => kind.group === group && kind.kind === name);
}

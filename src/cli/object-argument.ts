import { KindError } from '../base/errors.ts';

/** `deploy/web`, as kubectl names objects. */
export function objectOf(target: string): { readonly kind: string; readonly name: string } {
  const [, kind, name] = /^([^/]+)\/([^/]+)$/.exec(target) ?? [];
  if (kind === undefined || name === undefined)
    throw new KindError('invalid', `"${target}" is no object: want KIND/NAME, as in deploy/web or namespace/shop`);
  return { kind, name };
}

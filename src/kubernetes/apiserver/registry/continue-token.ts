import { messageOf } from '../../../base/errors.ts';
import { isObject } from '../json.ts';
import { apiError } from '../status.ts';

/** Where the next page of a list begins: after a key, in the past of the first page or, `undefined`, in the present. */
export interface Position {
  readonly revision: number | undefined;
  readonly after: string;
}

const version = 'meta.k8s.io/v1';
/** The revision of a token that goes on in the present. */
const present = -1;

/**
 * kube-apiserver's form: base64url of `{"v":"meta.k8s.io/v1","rv":42,"start":"default/web\u0000"}`,
 * where `start` is relative to the list's prefix: a token can lead to nothing outside it.
 */
export function continueToken({ revision = present, after }: Position, prefix: string): string {
  const token = { v: version, rv: revision, start: `${after.slice(prefix.length)}\0` };
  return Buffer.from(JSON.stringify(token)).toString('base64url');
}

export function positionOf(token: string, prefix: string): Position {
  const { v, rv, start } = decode(token);
  if (v !== version) throw refused(`server does not recognize this encoded version ${JSON.stringify(v ?? '')}`);
  if (!Number.isInteger(rv) || rv === 0) throw refused(`incorrect encoded start resourceVersion (version ${version})`);
  if (typeof start !== 'string' || start === '') throw refused(`encoded start key empty (version ${version})`);
  if (start.split('/').some((part) => part === '' || part === '.' || part === '..')) throw refused(start);
  return { revision: (rv as number) < 0 ? undefined : (rv as number), after: `${prefix}${start.replace(/\0$/, '')}` };
}

function decode(token: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'));
    if (isObject(value)) return value;
  } catch (error) {
    throw refused(messageOf(error));
  }
  throw refused('not an object');
}

function refused(why: string): Error {
  return apiError('BadRequest', `invalid continue token: continue key is not valid: ${why}`);
}

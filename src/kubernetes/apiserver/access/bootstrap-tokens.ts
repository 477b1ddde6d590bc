import { timingSafeEqual } from 'node:crypto';
import { secrets } from '../../../api/kubernetes/kinds.ts';
import type { Store } from '../../../store/store.ts';
import { objectOf, textOf } from '../json.ts';
import { objectAt } from '../registry/codec.ts';
import { keyOf } from '../registry/keys.ts';
import type { User } from './user.ts';

const form = /^([a-z0-9]{6})\.([a-z0-9]{16})$/;

/** `abcdef.0123456789abcdef`: a Secret `bootstrap-token-abcdef` in kube-system says that it may be used, and until when. */
export function bootstrapUser(store: Store, token: string, now: Date): User | undefined {
  const [, id = '', secret = ''] = form.exec(token) ?? [];
  const entry = id ? store.get(keyOf(secrets, 'kube-system', `bootstrap-token-${id}`)) : undefined;
  const object = entry && objectAt(entry);
  if (object?.['type'] !== 'bootstrap.kubernetes.io/token' || object.metadata.deletionTimestamp) return undefined;
  const data = objectOf(object['data']);
  const read = (name: string): string => Buffer.from(textOf(data[name]), 'base64').toString('utf8');
  const expires = read('expiration');
  if (!isSame(read('token-secret'), secret) || read('usage-bootstrap-authentication') !== 'true') return undefined;
  if (expires && Date.parse(expires) <= now.getTime()) return undefined;
  const groups = read('auth-extra-groups').split(',').filter(Boolean);
  return { name: `system:bootstrap:${id}`, groups: ['system:bootstrappers', ...groups, 'system:authenticated'] };
}

function isSame(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));
}

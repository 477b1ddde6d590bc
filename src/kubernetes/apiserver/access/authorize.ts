import type { Store } from '../../../store/store.ts';
import { apiError } from '../status.ts';
import type { Attributes } from './attributes.ts';
import { nodeAllows } from './node-authorizer.ts';
import { Rbac, type Grant } from './rbac.ts';
import { anonymous, type User } from './user.ts';

export interface Verdict {
  readonly allowed: boolean;
  readonly reason?: string;
}

/** Who may do what: masters may all, nodes what nodes need, everybody else what roles give them. */
export class Authorizer {
  readonly #store: Store;
  readonly rbac: Rbac;

  constructor(store: Store) {
    this.#store = store;
    this.rbac = new Rbac(store);
  }

  verdict(user: User, asked: Attributes): Verdict {
    if (user.groups.includes('system:masters')) return { allowed: true };
    if (nodeAllows(this.#store, user, asked)) return { allowed: true };
    const reason = this.rbac.allowedBy(user, asked);
    return reason === undefined ? { allowed: false } : { allowed: true, reason };
  }

  /** The user's rules, in the cluster and one namespace; masters have every rule. */
  grants(user: User, namespace: string | undefined): readonly Grant[] {
    if (!user.groups.includes('system:masters')) return this.rbac.grants(user, namespace);
    const everything = { verbs: ['*'], apiGroups: ['*'], resources: ['*'] };
    return [{ rules: [everything, { verbs: ['*'], nonResourceURLs: ['*'] }], by: 'group system:masters' }];
  }

  /** Throws `Forbidden`, or `Unauthorized` when nobody was identified and more than a health check was asked for. */
  authorize(user: User, asked: Attributes): void {
    if (this.verdict(user, asked).allowed) return;
    if (user === anonymous) throw apiError('Unauthorized', 'Unauthorized');
    throw refusal(user, asked);
  }
}

export function refusal(user: User, asked: Attributes): Error {
  if ('path' in asked) return apiError('Forbidden', `forbidden: User "${user.name}" cannot ${asked.verb} path "${asked.path}"`);
  const resource = asked.subresource ? `${asked.resource}/${asked.subresource}` : asked.resource;
  const scope = asked.namespace ? `in the namespace "${asked.namespace}"` : 'at the cluster scope';
  const subject = `${asked.group ? `${asked.resource}.${asked.group}` : asked.resource}${asked.name ? ` "${asked.name}"` : ''}`;
  const text = `${subject} is forbidden: User "${user.name}" cannot ${asked.verb} resource "${resource}" in API group "${asked.group}" ${scope}`;
  return apiError('Forbidden', text, {
    ...(asked.name ? { name: asked.name } : {}),
    ...(asked.group ? { group: asked.group } : {}),
    kind: asked.resource,
  });
}

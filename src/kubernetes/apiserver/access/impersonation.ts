import type { IncomingHttpHeaders } from 'node:http';
import { apiError } from '../status.ts';
import type { Attributes } from './attributes.ts';
import type { Authorizer } from './authorize.ts';
import type { User } from './user.ts';

/** Whom the request says it acts as (`kubectl --as`), once the asker may impersonate each part of it. */
export function impersonated(authorizer: Authorizer, user: User, headers: IncomingHttpHeaders): User {
  const name = headerOf(headers, 'impersonate-user');
  const groups = allOf(headers, 'impersonate-group');
  const uid = headerOf(headers, 'impersonate-uid');
  const extra = extraOf(headers);
  if (name === undefined) {
    if (groups.length > 0 || uid !== undefined || Object.keys(extra).length > 0) {
      throw apiError('BadRequest', 'requested impersonation without impersonating a user');
    }
    return user;
  }
  for (const asked of wantedRights(name, groups, uid, extra)) authorizer.authorize(user, asked);
  const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(name);
  const implied = account && groups.length === 0 ? ['system:serviceaccounts', `system:serviceaccounts:${account[1]}`] : [];
  const general = name === 'system:anonymous' ? 'system:unauthenticated' : 'system:authenticated';
  const all = [...groups, ...implied];
  return { name, groups: all.includes(general) ? all : [...all, general], ...(uid && { uid }), extra };
}

function wantedRights(
  name: string,
  groups: readonly string[],
  uid: string | undefined,
  extra: Readonly<Record<string, readonly string[]>>,
): readonly Attributes[] {
  const verb = 'impersonate';
  const account = /^system:serviceaccount:([^:]+):([^:]+)$/.exec(name);
  const authentication = 'authentication.k8s.io';
  return [
    account
      ? { verb, group: '', resource: 'serviceaccounts', namespace: account[1], name: account[2] }
      : { verb, group: '', resource: 'users', name },
    ...groups.map((group) => ({ verb, group: '', resource: 'groups', name: group })),
    ...(uid === undefined ? [] : [{ verb, group: authentication, resource: 'uids', name: uid }]),
    ...Object.entries(extra).flatMap(([key, values]) =>
      values.map((value) => ({ verb, group: authentication, resource: 'userextras', subresource: key, name: value })),
    ),
  ];
}

function allOf(headers: IncomingHttpHeaders, name: string): readonly string[] {
  const value = headers[name];
  return value === undefined ? [] : [value].flat().flatMap((one) => one.split(',').map((part) => part.trim()));
}

function headerOf(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
}

function extraOf(headers: IncomingHttpHeaders): Readonly<Record<string, readonly string[]>> {
  const prefix = 'impersonate-extra-';
  return Object.fromEntries(
    Object.keys(headers)
      .filter((name) => name.startsWith(prefix))
      .map((name) => [decodeURIComponent(name.slice(prefix.length)), allOf(headers, name)]),
  );
}

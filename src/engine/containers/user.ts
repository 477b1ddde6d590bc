import { KindError } from '../../base/errors.ts';

export interface ResolvedUser {
  readonly uid: number;
  readonly gid: number;
  readonly additionalGids: readonly number[];
  readonly home: string;
}

interface Passwd {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
  readonly home: string;
}

interface Group {
  readonly name: string;
  readonly gid: number;
  readonly members: readonly string[];
}

/**
 * `user`, `uid`, `user:group`, `uid:gid` against the image's own files; numbers need no entry.
 * Without an explicit group the user's supplementary groups of /etc/group are added.
 */
export function resolveUser(
  user: string,
  files: { readonly passwd: string; readonly group: string },
  groupAdd: readonly string[] = [],
): ResolvedUser {
  const users = parsePasswd(files.passwd);
  const groups = parseGroup(files.group);
  const [userPart = '', groupPart] = user.split(':', 2);
  const entry =
    userPart === ''
      ? users.find(({ uid }) => uid === 0)
      : (users.find(({ name }) => name === userPart) ?? users.find(({ uid }) => String(uid) === userPart));
  const uid = entry?.uid ?? numberOf(userPart || '0');
  if (uid === undefined) throw new KindError('invalid', `unable to find user ${userPart}: no matching entries in passwd file`);
  const gid = groupPart ? groupOf(groupPart, groups) : (entry?.gid ?? 0);
  const memberships = groupPart || !entry ? [] : groups.filter(({ members }) => members.includes(entry.name)).map((group) => group.gid);
  // The primary one is told as well: a process without it in its list escapes what files deny to that group.
  const additional = new Set([gid, ...memberships, ...groupAdd.map((name) => groupOf(name, groups))]);
  return { uid, gid, additionalGids: [...additional], home: entry?.home || '/' };
}

function groupOf(name: string, groups: readonly Group[]): number {
  const gid = groups.find((group) => group.name === name)?.gid ?? groups.find((group) => String(group.gid) === name)?.gid ?? numberOf(name);
  if (gid === undefined) throw new KindError('invalid', `unable to find group ${name}: no matching entries in group file`);
  return gid;
}

function numberOf(text: string): number | undefined {
  if (!/^\d+$/.test(text)) return undefined;
  const number = Number(text);
  if (number > 0x7fff_ffff) throw new KindError('invalid', 'uids and gids must be in range 0-2147483647');
  return number;
}

function parsePasswd(text: string): readonly Passwd[] {
  return lines(text).map(([name = '', , uid = '', gid = '', , home = '']) => ({ name, uid: Number(uid), gid: Number(gid), home }));
}

function parseGroup(text: string): readonly Group[] {
  return lines(text).map(([name = '', , gid = '', members = '']) => ({
    name,
    gid: Number(gid),
    members: members.split(',').filter(Boolean),
  }));
}

function lines(text: string): readonly (readonly string[])[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#'))
    .map((line) => line.split(':'));
}

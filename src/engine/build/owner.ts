import { KindError } from '../../base/errors.ts';
import type { Owner } from '../../kernel/files.ts';

/** `--chown=user[:group]`, names looked up in the image's own files; a user alone names the group too, as in Docker. */
export function resolveOwner(text: string, files: { readonly passwd: string; readonly group: string }): Owner {
  const [user = '', group = user, ...more] = text.split(':');
  if (user === '' || group === '' || more.length > 0)
    throw new KindError('invalid', `invalid chown string: '${text}': want user or user:group`);
  const uid = idOf(user, files.passwd);
  if (uid === undefined)
    throw new KindError(
      'invalid',
      `unable to convert uid/gid chown string to host mapping: can't find uid for user ${user}: no such user: ${user}`,
    );
  const gid = idOf(group, files.group);
  if (gid === undefined)
    throw new KindError(
      'invalid',
      `unable to convert uid/gid chown string to host mapping: can't find gid for group ${group}: no such group: ${group}`,
    );
  return { uid, gid };
}

/** Third field of the line that starts with the name; a number stands for itself. */
function idOf(name: string, file: string): number | undefined {
  const line = file.split('\n').find((entry) => entry.startsWith(`${name}:`));
  const id = line === undefined ? name : (line.split(':')[2] ?? '');
  return /^\d{1,10}$/.test(id) ? Number(id) : undefined;
}

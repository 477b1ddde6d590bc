import { KindError } from '../../base/errors.ts';
import type { Owner, Root } from '../../kernel/files.ts';
import { readText } from './context.ts';

export interface OwnerFiles {
  readonly passwd: string;
  readonly group: string;
}

/** An image's own. */
export function ownerFiles(root: Root): OwnerFiles {
  return { passwd: readText(root, 'etc/passwd') ?? '', group: readText(root, 'etc/group') ?? '' };
}

/** `user[:group]` of --chown and USER, names looked up in the image's own files. Alone, a name brings its group, a number is the group's, too. */
export function resolveOwner(text: string, files: OwnerFiles): Owner {
  const [user = '', group, ...more] = text.split(':');
  if (user === '' || group === '' || more.length > 0)
    throw new KindError('invalid', `invalid chown string: '${text}': want user or user:group`);
  const account = fieldsOf(user, files.passwd);
  const uid = numberOf(account?.[2] ?? user);
  if (uid === undefined)
    throw new KindError(
      'invalid',
      `unable to convert uid/gid chown string to host mapping: can't find uid for user ${user}: no such user: ${user}`,
    );
  const gid = group === undefined ? (numberOf(account?.[3] ?? '') ?? uid) : numberOf(fieldsOf(group, files.group)?.[2] ?? group);
  if (gid === undefined)
    throw new KindError(
      'invalid',
      `unable to convert uid/gid chown string to host mapping: can't find gid for group ${group}: no such group: ${group}`,
    );
  return { uid, gid };
}

/** Of the line that starts with the name. */
function fieldsOf(name: string, file: string): readonly string[] | undefined {
  return file
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`))
    ?.split(':');
}

function numberOf(text: string): number | undefined {
  return /^\d{1,10}$/.test(text) ? Number(text) : undefined;
}

import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isKind, systemCode } from '../../../base/errors.ts';
import type { Payload } from './payload.ts';

/**
 * Puts a payload into a directory so that a reader sees all of the old or all of the new files:
 *
 *   volume/..2026_11_23.Xa81c2/key    the files
 *   volume/..data → ..2026_…          swapped by one rename
 *   volume/key → ..data/key           what the container opens
 *
 * `furnish` is given the folder of new files before anybody sees it. Returns whether anything changed.
 */
export async function writePayload(
  directory: string,
  payload: Payload,
  furnish: (folder: string) => Promise<void> = async () => undefined,
): Promise<boolean> {
  await mkdir(directory, { recursive: true });
  const data = join(directory, '..data');
  const current = await linkTarget(data);
  if (current !== undefined && (await isSame(join(directory, current), payload))) return false;
  const next = await mkdtemp(join(directory, `..${stamp(new Date())}.`));
  await chmod(next, 0o755);
  for (const [path, file] of payload) {
    const target = join(next, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, file.data);
    await chmod(target, file.mode);
  }
  await furnish(next);
  await rm(`${data}_tmp`, { force: true });
  await symlink(next.slice(directory.length + 1), `${data}_tmp`);
  await rename(`${data}_tmp`, data);
  await linkNames(directory, new Set([...payload.keys()].map((path) => path.split('/')[0] ?? '')));
  if (current !== undefined) await rm(join(directory, current), { recursive: true, force: true });
  return true;
}

async function linkNames(directory: string, names: ReadonlySet<string>): Promise<void> {
  const present = (await readdir(directory)).filter((name) => !name.startsWith('..'));
  for (const name of present) if (!names.has(name)) await rm(join(directory, name), { force: true });
  for (const name of names) if (!present.includes(name)) await symlink(join('..data', name), join(directory, name));
}

async function isSame(directory: string, payload: Payload): Promise<boolean> {
  const present = await filesOf(directory, '');
  if (present.length !== payload.size) return false;
  for (const path of present) {
    const wanted = payload.get(path);
    if (!wanted || !(await readFile(join(directory, path))).equals(wanted.data)) return false;
  }
  return true;
}

async function filesOf(directory: string, prefix: string): Promise<readonly string[]> {
  const entries = await readdir(join(directory, prefix), { withFileTypes: true }).catch(() => []);
  const nested = await Promise.all(
    entries.map((entry) => {
      const path = join(prefix, entry.name);
      return entry.isDirectory() ? filesOf(directory, path) : [path];
    }),
  );
  return nested.flat();
}

async function linkTarget(path: string): Promise<string | undefined> {
  try {
    await lstat(path);
    return await readlink(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || isKind(error, 'notFound')) return undefined;
    throw error;
  }
}

/** `2026_11_23_12_30_00` */
function stamp(date: Date): string {
  return date.toISOString().slice(0, 19).replaceAll(/[-:T]/g, '_');
}

import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { posix } from 'node:path';
import { isKind, KindError } from '../../base/errors.ts';
import type { Processes } from '../../kernel/processes.ts';

/** `https://host/path.git#ref:subdirectory`. */
export interface GitSource {
  readonly url: string;
  /** Branch, tag or commit; undefined for the default branch. */
  readonly ref: string | undefined;
  /** Relative; '' for all of it. */
  readonly directory: string;
}

/** What Docker takes for a git repository: `git://…`, `git@host:…`, `ssh://…`, `github.com/…`, and http(s) URLs whose path ends in `.git`. */
export function parseGitSource(text: string): GitSource | undefined {
  const [address = '', fragment = ''] = splitAt(text, '#');
  const isGit =
    /^(?:git|ssh):\/\//.test(address) ||
    /^[\w.-]+@[\w.-]+:/.test(address) ||
    /^https?:\/\/[^?]+\.git$/.test(address) ||
    /^github\.com\/[^/]+\/[^/]+/.test(address);
  if (!isGit) return undefined;
  const [ref = '', directory = ''] = splitAt(fragment, ':');
  // Never an option of git's.
  if (ref.startsWith('-')) throw new KindError('invalid', `invalid git reference "${ref}" in ${text}`);
  const clean = posix.normalize(`/${directory}`).slice(1).replace(/\/$/, '');
  return { url: address.startsWith('github.com/') ? `https://${address}` : address, ref: ref || undefined, directory: clean };
}

function splitAt(text: string, mark: string): readonly [string, string] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}

/** Checks the source out below `path` with git, its submodules too; returns the commit. */
export async function checkOut(
  processes: Processes,
  source: GitSource,
  path: string,
  options: { readonly keepGitDirectory: boolean },
  signal: AbortSignal,
): Promise<string> {
  mkdirSync(path, { recursive: true, mode: 0o755 });
  const git = async (...args: readonly string[]): Promise<string> => {
    const result = await processes.run(['git', ...safely, ...args], { cwd: path, env: environment() }, signal).catch((error: unknown) => {
      if (!isKind(error, 'unavailable')) throw error;
      throw new KindError('unavailable', `${source.url}: git is needed for git contexts and is not installed: apt-get install git`, {
        cause: error,
      });
    });
    if (result.exitCode === 0) return result.stdout.trim();
    throw new KindError('unavailable', `failed to load ${source.url}: git ${args[0]}: ${result.stderr.trim()}`);
  };
  await git('init', '--quiet');
  await git('remote', 'add', 'origin', source.url);
  const wanted = source.ref ?? 'HEAD';
  const fetch = (...more: readonly string[]): Promise<string> => git('fetch', '--quiet', '--update-head-ok', ...more);
  // A server may refuse shallow copies, or commits that no branch ends in: then everything is brought, and the commit must be in it.
  const commit = await fetch('--depth=1', 'origin', wanted)
    .catch(() => fetch('origin', wanted))
    .then(() => 'FETCH_HEAD')
    .catch(async (error: unknown) => {
      if (!/^[0-9a-f]{7,64}$/.test(wanted)) throw error;
      await fetch('--tags', 'origin', '+refs/heads/*:refs/remotes/origin/*');
      return wanted;
    });
  await git('checkout', '--quiet', '--force', commit);
  await git('submodule', 'update', '--quiet', '--init', '--recursive', '--depth=1');
  const head = await git('rev-parse', 'HEAD');
  if (!options.keepGitDirectory) rmSync(`${path}/.git`, { recursive: true, force: true });
  if (source.directory !== '' && !existsSync(`${path}/${source.directory}`))
    throw new KindError('notFound', `${source.url}: there is no directory ${source.directory} at ${source.ref ?? 'its default branch'}`);
  return head;
}

/** A repository must not make git run programs or read files of this machine. */
const safely = [
  '-c',
  'protocol.allow=never',
  '-c',
  'protocol.https.allow=always',
  '-c',
  'protocol.http.allow=always',
  '-c',
  'protocol.git.allow=always',
  '-c',
  'protocol.ssh.allow=always',
  '-c',
  'core.symlinks=true',
  '-c',
  'core.hooksPath=/dev/null',
  '-c',
  'advice.detachedHead=false',
  '-c',
  'init.defaultBranch=main',
  '-c',
  'safe.directory=*',
];

function environment(): Readonly<Record<string, string>> {
  const { PATH = '/usr/bin:/bin', HOME = '/root', SSL_CERT_FILE, https_proxy, http_proxy, no_proxy } = process.env;
  const given = { PATH, HOME, SSL_CERT_FILE, https_proxy, http_proxy, no_proxy, GIT_TERMINAL_PROMPT: '0', GIT_CONFIG_NOSYSTEM: '1' };
  return Object.fromEntries(Object.entries(given).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

import { closeSync, constants, mkdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { KindError } from '../../base/errors.ts';
import { bytesOf, Root } from '../../kernel/files.ts';
import type { Processes } from '../../kernel/processes.ts';
import { runJob, unpackTar } from '../archive/run-job.ts';
import type { BuildRequest } from './builder.ts';
import { ignoreLines, parseIgnore } from './ignore.ts';
import { openRemote } from './remote-context.ts';

export interface BuildContext {
  /** Directory with the context's files, ignored ones removed. */
  readonly root: string;
  readonly dockerfile: string;
  /** As errors name it. */
  readonly dockerfileName: string;
  readonly ignore: IgnoreFile | undefined;
}

export interface IgnoreFile {
  readonly name: string;
  readonly text: string;
}

/** Brings the context below `directory` and reads the Dockerfile. */
export async function openContext(
  request: BuildRequest,
  processes: Processes,
  directory: string,
  signal: AbortSignal,
): Promise<BuildContext> {
  const path = `${directory}/context`;
  mkdirSync(path, { mode: 0o755 });
  const tree =
    request.remote === undefined ? await unpacked(request, path, signal) : await openRemote(request.remote, path, processes, signal);
  using root = new Root(tree);
  const dockerfileName = posix.normalize(request.dockerfile || 'Dockerfile').replace(/^\/+/, '');
  const dockerfile = request.inline?.dockerfile ?? readText(root, dockerfileName);
  if (dockerfile === undefined) throw new KindError('invalid', `Cannot locate specified Dockerfile: ${dockerfileName}${others(root)}`);
  if (dockerfile.trim() === '') throw new KindError('invalid', `the Dockerfile (${dockerfileName}) cannot be empty`);
  const own = request.inline?.ignore;
  const ignore = own === undefined ? ignoreFileOf(root, dockerfileName) : { name: `${dockerfileName}.dockerignore`, text: own };
  const lines = ignoreLines(ignore?.text ?? '');
  if (lines.length > 0) await runJob({ do: 'ignore', root: tree, lines }, undefined, signal);
  return { root: tree, dockerfile, dockerfileName, ignore };
}

async function unpacked(request: BuildRequest, path: string, signal: AbortSignal): Promise<string> {
  if (request.hasNoContext !== true) await unpackTar(request.context, path, { whiteouts: 'plain' }, signal);
  return path;
}

/** `<name>.dockerignore` beside the Dockerfile goes before the context's `.dockerignore`. */
export function ignoreFileOf(root: Root, dockerfileName: string): IgnoreFile | undefined {
  for (const name of [`${dockerfileName}.dockerignore`, '.dockerignore']) {
    const text = readText(root, name);
    if (text !== undefined) return { name, text };
  }
  return undefined;
}

/** Files that look like the one that was meant. */
function others(root: Root): string {
  const names = root.list('').filter((name) => /dockerfile|containerfile/i.test(name) && !name.endsWith('.dockerignore'));
  return names.length === 0 ? '' : ` (there is ${names.join(', ')}: name it with -f)`;
}

/** `.dockerignore:3: *.log`: the line that keeps a path out of the context, or undefined. */
export function ignoredBy(ignore: IgnoreFile | undefined, path: string): string | undefined {
  if (!ignore) return undefined;
  const lines = ignore.text.split('\n');
  const wanted = path.replace(/^(?:\.?\/)+/, '').replace(/\/+$/, '');
  if (!parseIgnore(ignoreLines(ignore.text)).ignores(wanted)) return undefined;
  const at = lines.findLastIndex((line) => {
    const own = ignoreLines(line);
    return own.length > 0 && !own[0]?.startsWith('!') && parseIgnore(own).ignores(wanted);
  });
  return `${ignore.name}:${at + 1}: ${lines[at]?.trim() ?? ''}`;
}

export function readText(root: Root, path: string): string | undefined {
  if (!root.statTarget(bytesOf(path))?.isFile()) return undefined;
  const fd = root.open(bytesOf(path), constants.O_RDONLY);
  try {
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

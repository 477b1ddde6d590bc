import { closeSync, constants, mkdirSync, readFileSync } from 'node:fs';
import { posix } from 'node:path';
import { KindError } from '../../base/errors.ts';
import { bytesOf, Root } from '../../kernel/files.ts';
import { runJob, unpackTar } from '../archive/run-job.ts';
import type { BuildRequest } from './builder.ts';
import { ignoreLines } from './ignore.ts';

export interface BuildContext {
  /** Directory with the context's files, ignored ones removed. */
  readonly root: string;
  readonly dockerfile: string;
  /** As errors name it. */
  readonly dockerfileName: string;
}

/** Unpacks the context below `directory` and reads the Dockerfile. */
export async function openContext(request: BuildRequest, directory: string, signal: AbortSignal): Promise<BuildContext> {
  const path = `${directory}/context`;
  mkdirSync(path, { mode: 0o755 });
  await unpackTar(request.context, path, { whiteouts: 'plain' }, signal);
  using root = new Root(path);
  const dockerfileName = posix.normalize(request.dockerfile || 'Dockerfile').replace(/^\/+/, '');
  const dockerfile = readText(root, dockerfileName);
  if (dockerfile === undefined) throw new KindError('invalid', `Cannot locate specified Dockerfile: ${dockerfileName}`);
  if (dockerfile.trim() === '') throw new KindError('invalid', `the Dockerfile (${dockerfileName}) cannot be empty`);
  const ignored = readText(root, `${dockerfileName}.dockerignore`) ?? readText(root, '.dockerignore') ?? '';
  const lines = ignoreLines(ignored);
  if (lines.length > 0) await runJob({ do: 'ignore', root: path, lines }, undefined, signal);
  return { root: path, dockerfile, dockerfileName };
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

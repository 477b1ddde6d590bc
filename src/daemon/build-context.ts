import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { KindError } from '../base/errors.ts';
import { packTar } from '../engine/archive/run-job.ts';
import { ignoreLines } from '../engine/build/ignore.ts';

/** A directory on the client's side as the context of a build. */
export interface ClientContext {
  /** Without what the ignore file leaves out. */
  readonly tar: Readable;
  /** The Dockerfile's path inside the context; undefined when it lies outside. */
  readonly dockerfile: string | undefined;
  /** Of a Dockerfile outside: its text, and that of the ignore file beside it. */
  readonly inline: { readonly dockerfile: string; readonly ignore: string | undefined } | undefined;
}

/** `file`: path of the Dockerfile; default `<directory>/Dockerfile`. */
export function openClientContext(directory: string, file: string | undefined): ClientContext {
  if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory())
    throw new KindError('notFound', `unable to prepare context: path "${directory}" not found or not a directory`);
  const path = file === undefined ? join(directory, 'Dockerfile') : resolve(file);
  if (!existsSync(path)) throw new KindError('notFound', `failed to read dockerfile: ${path}: no such file`);
  const inside = relative(resolve(directory), path);
  const isOutside = inside.startsWith('../') || inside === '..';
  const beside = readOptional(`${path}.dockerignore`);
  const ignore = beside ?? readOptional(join(directory, '.dockerignore')) ?? '';
  // What the builder reads always goes along; it leaves out the rest by itself.
  const own = ignoreLines(ignore);
  const lines = own.length === 0 ? [] : [...own, '!.dockerignore', ...(isOutside ? [] : [`!${inside}`, `!${inside}.dockerignore`])];
  return {
    tar: packTar(resolve(directory), { whiteouts: 'plain', ignore: lines }),
    dockerfile: isOutside ? undefined : inside,
    inline: isOutside ? { dockerfile: readFileSync(path, 'utf8'), ignore: beside } : undefined,
  };
}

/** A directory that only `--from` and mounts read. */
export function openNamedDirectory(directory: string): Readable {
  if (!statSync(directory, { throwIfNoEntry: false })?.isDirectory())
    throw new KindError('notFound', `unable to prepare context: path "${directory}" not found or not a directory`);
  const lines = ignoreLines(readOptional(join(directory, '.dockerignore')) ?? '');
  return packTar(resolve(directory), { whiteouts: 'plain', ignore: lines });
}

function readOptional(path: string): string | undefined {
  return existsSync(path) ? readFileSync(path, 'utf8') : undefined;
}

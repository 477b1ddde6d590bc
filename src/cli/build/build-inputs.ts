import { existsSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, type Readable } from 'node:stream';
import type { BuildHeader } from '../../api/docker/build-session.ts';
import { KindError } from '../../base/errors.ts';
import { openClientContext, openNamedDirectory } from '../../daemon/build-context.ts';
import type { BuildFlags } from './build-query.ts';
import { parseSshKey, type SshKey } from './ssh-key.ts';

/** By ID: an agent's socket, or keys that this process holds. */
export type SshSource = { readonly socket: string } | { readonly keys: readonly SshKey[] };

/** What the client sends besides the query. */
export interface BuildInputs {
  readonly header: BuildHeader;
  /** The tars in the order of their channels. */
  readonly tars: readonly Readable[];
  /** Query parameters that the context decides. */
  readonly query: Readonly<Record<string, string>>;
  readonly agents: Readonly<Record<string, SshSource>>;
}

/** `path`: a directory, `-` for standard input, or a URL. */
export async function openInputs(path: string, flags: BuildFlags, input: Readable): Promise<BuildInputs> {
  const named = (flags.buildContext ?? []).map(namedContext);
  const agents = Object.fromEntries((flags.ssh ?? []).map(agentOf));
  const common: BuildHeader = {
    contexts: named.map(({ name, what }) => [name, what]),
    secrets: Object.fromEntries((flags.secret ?? []).map(secretOf)),
    agents: Object.keys(agents),
  };
  const tars = named.flatMap(({ directory }) => (directory === undefined ? [] : [openNamedDirectory(directory)]));
  const main = await mainContext(path, flags.file, input);
  return { header: { ...common, ...main.header }, tars: [...main.tars, ...tars], query: main.query, agents };
}

type Main = Pick<BuildInputs, 'header' | 'tars' | 'query'>;

async function mainContext(path: string, file: string | undefined, input: Readable): Promise<Main> {
  if (path === '-' && file === '-')
    throw new KindError('invalid', 'invalid argument: cannot use stdin for both build context and dockerfile');
  const dockerfile: Readonly<Record<string, string>> = file === undefined ? {} : { dockerfile: file };
  if (path === '-') {
    const { start, all } = await peek(input);
    if (isArchive(start)) return { header: { hasContext: true }, tars: [all], query: dockerfile };
    return { header: { hasContext: false, dockerfile: (await readAll(all)).toString() }, tars: [], query: {} };
  }
  if (isRemote(path)) return { header: { hasContext: false }, tars: [], query: { ...dockerfile, remote: path } };
  if (file === '-') {
    const text = (await readAll(input)).toString();
    return { header: { hasContext: true, dockerfile: text }, tars: [openNamedDirectory(path)], query: {} };
  }
  const context = openClientContext(path, file);
  const inline = context.inline && {
    dockerfile: context.inline.dockerfile,
    ...(context.inline.ignore !== undefined && { ignore: context.inline.ignore }),
  };
  const query: Readonly<Record<string, string>> = context.dockerfile === undefined ? {} : { dockerfile: context.dockerfile };
  return { header: { hasContext: true, ...inline }, tars: [context.tar], query };
}

function isRemote(path: string): boolean {
  return !existsSync(path) && (/^(?:https?|git|ssh):\/\//.test(path) || /^[\w.-]+@[\w.-]+:/.test(path) || path.startsWith('github.com/'));
}

/** The beginning of a stream, and the whole of it. */
async function peek(input: Readable): Promise<{ readonly start: Buffer; readonly all: Readable }> {
  const chunks: Buffer[] = [];
  const iterator = input[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
  let [size, isOver] = [0, false];
  while (size < 512 && !isOver) {
    const next = await iterator.next();
    isOver = next.done === true;
    if (!next.done) chunks.push(Buffer.from(next.value));
    size = chunks.reduce((sum, { length }) => sum + length, 0);
  }
  const all = new PassThrough();
  void (async () => {
    for (const chunk of chunks) all.write(chunk);
    for (let next = await iterator.next(); next.done !== true; next = await iterator.next())
      if (!all.write(next.value)) await new Promise((resolve) => all.once('drain', resolve));
    all.end();
  })().catch((error: unknown) => all.destroy(error as Error));
  return { start: Buffer.concat(chunks), all };
}

/** gzip, bzip2, xz, zstd. */
const magics = ['1f8b', '425a68', 'fd377a585a', '28b52ffd'];

/** Compressed, or a plain tar. */
function isArchive(start: Buffer): boolean {
  const hex = start.toString('hex', 0, 6);
  return magics.some((magic) => hex.startsWith(magic)) || start.toString('latin1', 257, 262) === 'ustar';
}

async function readAll(input: Readable): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(input as AsyncIterable<Buffer>, (chunk) => Buffer.from(chunk)));
}

function fieldsOf(text: string): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(text.split(',').map((field) => field.split(/=(.*)/s, 2) as [string, string | undefined]));
}

/** `id=token,src=FILE`, `id=token,env=NAME`, `id=NAME` (the variable, or the file of that name). */
function secretOf(text: string): readonly [string, string] {
  const { id, src, source = src, env, type, ...more } = fieldsOf(text);
  const [unknown] = Object.keys(more);
  if (unknown !== undefined || (type !== undefined && type !== 'file' && type !== 'env'))
    throw new KindError('invalid', `invalid secret ${text}: want id=ID,src=FILE or id=ID,env=NAME`);
  const name = id ?? env ?? source;
  if (name === undefined) throw new KindError('invalid', `invalid secret ${text}: it needs an id`);
  const variable = env ?? (type === 'env' ? (source ?? name) : undefined);
  const value = variable === undefined ? undefined : process.env[variable];
  if (variable !== undefined && value === undefined)
    throw new KindError('notFound', `secret ${name}: environment variable ${variable} is not set`);
  if (value !== undefined) return [name, Buffer.from(value).toString('base64')];
  const fallback = source === undefined ? process.env[name] : undefined;
  if (fallback !== undefined) return [name, Buffer.from(fallback).toString('base64')];
  const file = (source ?? name).replace(/^~\//, `${homedir()}/`);
  if (!existsSync(file)) throw new KindError('notFound', `secret ${name}: ${file}: no such file`);
  return [name, readFileSync(file).toString('base64')];
}

/** `default`, `id=SOCKET`, `id=KEY,KEY`. Keys stay here: the build asks this process to sign. */
function agentOf(text: string): readonly [string, SshSource] {
  const [id = 'default', given = process.env['SSH_AUTH_SOCK']] = text.split(/=(.*)/s, 2);
  if (!given) throw new KindError('invalid', `--ssh ${text}: no agent: SSH_AUTH_SOCK is not set; start one, or name a key: ${id}=PATH`);
  const paths = given.split(',').map((path) => path.replace(/^~\//, `${homedir()}/`));
  const missing = paths.find((path) => !existsSync(path));
  if (missing !== undefined) throw new KindError('notFound', `--ssh ${text}: ${missing}: no such socket or key`);
  const socket = paths.find((path) => statSync(path).isSocket());
  if (socket === undefined) return [id, { keys: paths.map((path) => parseSshKey(readFileSync(path, 'utf8'), path)) }];
  if (paths.length > 1) throw new KindError('invalid', `--ssh ${text}: an agent's socket stands alone: ${socket}`);
  return [id, { socket }];
}

/** `name=DIRECTORY`, `name=docker-image://IMAGE`, `name=URL`. */
function namedContext(text: string): { readonly name: string; readonly what: string; readonly directory?: string } {
  const [name = '', value] = text.split(/=(.*)/s, 2);
  if (name === '' || !value)
    throw new KindError('invalid', `invalid context ${text}: want NAME=DIRECTORY, NAME=docker-image://IMAGE or NAME=URL`);
  if (value.startsWith('docker-image://')) return { name, what: `image:${value.slice('docker-image://'.length)}` };
  if (/^oci-layout:|^target:/.test(value))
    throw new KindError('notImplemented', `context ${text}: want a directory, docker-image:// or a URL`);
  if (isRemote(value)) return { name, what: `remote:${value}` };
  return { name, what: 'tar', directory: value.startsWith('~/') ? join(homedir(), value.slice(2)) : value };
}

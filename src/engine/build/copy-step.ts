import { closeSync, mkdirSync, writeSync } from 'node:fs';
import { posix } from 'node:path';
import type { Digest } from '../../base/digest.ts';
import { hexOf } from '../../base/digest.ts';
import { KindError } from '../../base/errors.ts';
import { newId } from '../../base/ids.ts';
import { bytesOf, Root, type Owner } from '../../kernel/files.ts';
import type { CopyItem } from '../archive/copy-tree.ts';
import { runJob } from '../archive/run-job.ts';
import { cacheKey, type StepState } from './build-run.ts';
import { readText } from './context.ts';
import type { Instruction } from './dockerfile.ts';
import { mountLayers, type Mounted } from './mounted.ts';
import { resolveOwner } from './owner.ts';
import type { StageRun } from './run-stage.ts';
import { download, findSources, isArchive, isUrl, itemsFor, type Source } from './sources.ts';
import { splitWords } from './words.ts';

const knownFlags = new Set(['from', 'chown', 'chmod', 'link']);

/** COPY and ADD: no container; files are written through the mounted layers, and what was written becomes a layer. */
export async function runCopy(stage: StageRun, instruction: Instruction): Promise<StepState> {
  const { keyword, flags } = instruction;
  const unknown = Object.keys(flags).find((flag) => !knownFlags.has(flag));
  if (unknown !== undefined)
    throw new KindError(
      ['parents', 'exclude', 'checksum', 'keep-git-dir'].includes(unknown) ? 'notImplemented' : 'invalid',
      `${keyword} --${unknown}: ${['parents', 'exclude', 'checksum', 'keep-git-dir'].includes(unknown) ? 'not implemented' : 'unknown flag'}`,
    );
  await using sourceTree = flags.from === undefined ? undefined : await mountSource(stage, stage.word(flags.from));
  const words = (instruction.json ?? splitWords(instruction.rest, stage.escape)).map((word) => stage.word(word));
  const destination = words.at(-1) ?? '';
  if (words.length < 2)
    throw new KindError(
      'invalid',
      `${keyword} requires at least two arguments, but only one was provided. Destination could not be determined.`,
    );
  const sources = await gather(stage, instruction, words.slice(0, -1), sourceTree?.directory ?? stage.run.context.root);
  const wantsDirectory = /(?:^|\/)\.?$/.test(destination);
  if (sources.length > 1 && !wantsDirectory)
    throw new KindError(
      'invalid',
      `When using ${keyword} with more than one source file, the destination must be a directory and end with a /`,
    );

  const target = posix.resolve(stage.state.config.WorkingDir || '/', destination);
  const fromContext = sourceTree === undefined;
  const mode = modeOf(flags.chmod === undefined ? undefined : stage.word(flags.chmod));
  const unpacks = await Promise.all(sources.map((source) => (keyword === 'ADD' && fromContext ? isArchive(source) : false)));
  const digests: Digest[] = [];
  for (const source of sources) digests.push(await digestOfSource(stage, source, target, wantsDirectory, fromContext, mode));
  const chown = flags.chown === undefined ? undefined : stage.word(flags.chown);
  const what = contentName(sources, digests);
  const told = `/bin/sh -c #(nop) ${keyword} ${chown === undefined ? '' : `--chown=${chown} `}${what} in ${target} `;
  const key = cacheKey(stage.state, told, digests, destination, chown ?? '', mode ?? '');
  const cached = stage.run.cached(key);
  if (cached) return cached;

  const { snapshots, kernel } = stage.run.options;
  await using mounted = await mountLayers(snapshots, kernel.mounts, stage.state.layers);
  const owner = chown === undefined ? defaultOwner(fromContext) : ownerIn(mounted, chown);
  const isDirectory = wantsDirectory || isDirectoryIn(mounted, target);
  for (const [index, source] of sources.entries()) {
    if (unpacks[index]) await unpackArchive(stage, source, mounted, target, chown === undefined ? undefined : owner);
    else await copy(stage, source, mounted, itemsFor([source], target, isDirectory), owner, mode);
  }
  const layer = await mounted.commit();
  return stage.run.commit(stage.state, key, { config: stage.state.config, told, layer: layer.diffId });
}

async function mountSource(stage: StageRun, name: string): Promise<Mounted> {
  const state = await stage.source(name);
  return mountLayers(stage.run.options.snapshots, stage.run.options.kernel.mounts, state.layers);
}

/** Sources in the context or stage, downloads and here-documents, in the order they are written. */
async function gather(stage: StageRun, instruction: Instruction, words: readonly string[], directory: string): Promise<readonly Source[]> {
  const sources: Source[] = [];
  for (const word of words) {
    const heredoc = instruction.heredocs.find(({ name }) => new RegExp(`^<<-?${name}$`).test(word));
    if (heredoc)
      sources.push(
        written(
          stage,
          heredoc.name,
          heredoc.expands ? stage.word(heredoc.content.replaceAll('"', '\\"').replaceAll("'", "\\'")) : heredoc.content,
        ),
      );
    else if (instruction.keyword === 'ADD' && isUrl(word)) sources.push(await download(word, subdirectory(stage), stage.run.signal));
    else sources.push(...findSources(directory, [word], instruction.keyword));
  }
  return sources;
}

function written(stage: StageRun, name: string, content: string): Source {
  const directory = subdirectory(stage);
  using root = new Root(directory);
  const fd = root.createFile(bytesOf(name), 0o644);
  writeSync(fd, content);
  closeSync(fd);
  return { root: directory, path: bytesOf(name), isDirectory: false };
}

function subdirectory(stage: StageRun): string {
  const directory = `${stage.run.directory}/${newId().slice(0, 12)}`;
  mkdirSync(directory);
  return directory;
}

async function digestOfSource(
  stage: StageRun,
  source: Source,
  target: string,
  wantsDirectory: boolean,
  fromContext: boolean,
  mode: number | undefined,
): Promise<Digest> {
  const items = itemsFor([source], target, wantsDirectory);
  const job = { do: 'copy', from: source.root, items, owner: defaultOwner(fromContext), mode } as const;
  return (await runJob(job, undefined, stage.run.signal)).digest;
}

async function copy(
  stage: StageRun,
  source: Source,
  mounted: Mounted,
  items: readonly CopyItem[],
  owner: Owner | undefined,
  mode: number | undefined,
): Promise<void> {
  await runJob({ do: 'copy', from: source.root, to: mounted.directory, items, owner, mode }, undefined, stage.run.signal);
}

async function unpackArchive(stage: StageRun, source: Source, mounted: Mounted, target: string, owner: Owner | undefined): Promise<void> {
  const file = { root: source.root, path: source.path };
  const under = bytesOf(target).replace(/^\/+|\/+$/g, '');
  await runJob({ do: 'unpack', root: mounted.directory, file, options: { whiteouts: 'plain', under, owner } }, undefined, stage.run.signal);
}

/** From the context everything belongs to root; from a stage or image everything keeps its owner. */
function defaultOwner(fromContext: boolean): Owner | undefined {
  return fromContext ? { uid: 0, gid: 0 } : undefined;
}

function ownerIn(mounted: Mounted, chown: string): Owner {
  using root = new Root(mounted.directory);
  return resolveOwner(chown, { passwd: readText(root, 'etc/passwd') ?? '', group: readText(root, 'etc/group') ?? '' });
}

function isDirectoryIn(mounted: Mounted, target: string): boolean {
  using root = new Root(mounted.directory);
  return root.statTarget(bytesOf(target))?.isDirectory() ?? false;
}

function modeOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^[0-7]{1,4}$/.test(text)) return Number.parseInt(text, 8);
  throw new KindError('invalid', `invalid chmod parameter: '${text}'. it should be octal string and between 0 and 07777`);
}

/** `file:1f2a…`, `dir:…` or, of several, `multi:…`. */
function contentName(sources: readonly Source[], digests: readonly Digest[]): string {
  const [source, digest] = [sources[0], digests[0]];
  if (sources.length === 1 && source && digest) return `${source.isDirectory ? 'dir' : 'file'}:${hexOf(digest)}`;
  return `multi:${digests.map((each) => hexOf(each).slice(0, 16)).join('')}`;
}

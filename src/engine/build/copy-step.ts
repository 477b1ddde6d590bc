import { posix } from 'node:path';
import { hexOf } from '../../base/digest.ts';
import { KindError } from '../../base/errors.ts';
import { bytesOf, Root, type Owner } from '../../kernel/files.ts';
import type { CopyJob } from '../archive/copy-tree.ts';
import { resolvePath } from '../archive/resolve-path.ts';
import { runJob } from '../archive/run-job.ts';
import type { CachableStep, StepResultState } from './build-run.ts';
import { madeMode, parseChmod } from './chmod.ts';
import { isPacked, openArchive } from './foreign-archive.ts';
import { gatherSources } from './gather-sources.ts';
import { heredocStart } from './heredoc.ts';
import { ignoreLines } from './ignore.ts';
import type { Instruction } from './instruction.ts';
import { mountLayers, type Mounted } from './mounted.ts';
import { ownerFiles, resolveOwner } from './owner.ts';
import { wordError } from './place.ts';
import type { StageRun } from './run-stage.ts';
import { openSource } from './source-tree.ts';
import { itemOf, type Source } from './sources.ts';
import { fields } from './words.ts';

/** COPY and ADD: no container; files are written through the mounted layers, and what was written becomes a layer. */
export async function runCopy(stage: StageRun, instruction: Instruction): Promise<void> {
  const { keyword, flags } = instruction;
  await using tree = await openSource(stage, flags['from']);
  const words = (instruction.json ?? fields(instruction.rest)).map((word) => stage.word(word));
  if (words.length < 2)
    throw new KindError(
      'invalid',
      `${keyword} requires at least two arguments, but only one was provided. Destination could not be determined.`,
    );
  const destination = words.at(-1) ?? '';
  if (!instruction.json && heredocStart(destination)) throw wordError(destination, `${keyword} cannot accept a heredoc as a destination`);
  const sources = await gatherSources(stage, instruction, words.slice(0, -1), tree);
  const plan = planCopy(stage, instruction, { sources, destination, fromClient: tree.layers === undefined });
  const isUnpacked = await Promise.all(
    sources.map(
      async (source) => plan.unpacks === 'all' || (plan.unpacks === 'archives' && !source.isUrl && (await isPacked(stage, source))),
    ),
  );
  const step = await stepOf(stage, instruction, plan, isUnpacked);
  await stage.reach(instruction, step);
}

interface CopyPlan {
  readonly sources: readonly Source[];
  readonly destination: string;
  /** Absolute in the image. */
  readonly target: string;
  readonly intoDirectory: boolean;
  /** Everything from the client belongs to root; from a stage or image it keeps its owner. */
  readonly owner: Owner | undefined;
  readonly chown: string | undefined;
  readonly mode: string | undefined;
  readonly exclude: readonly string[];
  readonly parents: boolean;
  readonly link: boolean;
  readonly unpacks: 'all' | 'archives' | 'none';
}

function planCopy(
  stage: StageRun,
  { keyword, flags, lists }: Instruction,
  { sources, destination, fromClient }: { readonly sources: readonly Source[]; readonly destination: string; readonly fromClient: boolean },
): CopyPlan {
  const intoDirectory = /(?:^|\/)\.?$/.test(destination) || /(?:^|\/)\.\.$/.test(destination);
  if (sources.length > 1 && !intoDirectory && flags['parents'] !== 'true')
    throw wordError(
      destination,
      `When using ${keyword} with more than one source file, the destination must be a directory and end with a /`,
    );
  const mode = flags['chmod'] === undefined ? undefined : stage.word(flags['chmod']);
  if (mode !== undefined) parseChmod(mode);
  const archives = keyword === 'ADD' && fromClient ? 'archives' : 'none';
  return {
    sources,
    destination,
    target: posix.resolve(stage.state.config.WorkingDir || '/', destination),
    intoDirectory,
    owner: fromClient ? { uid: 0, gid: 0 } : undefined,
    chown: flags['chown'] === undefined ? undefined : stage.word(flags['chown']),
    mode,
    exclude: ignoreLines((lists['exclude'] ?? []).map((text) => stage.word(text)).join('\n')),
    parents: flags['parents'] === 'true',
    link: flags['link'] === 'true',
    unpacks: flags['unpack'] === undefined ? archives : flags['unpack'] === 'true' ? 'all' : 'none',
  };
}

async function stepOf(stage: StageRun, { keyword }: Instruction, plan: CopyPlan, isUnpacked: readonly boolean[]): Promise<CachableStep> {
  const { sources, target, chown, mode, link, exclude } = plan;
  const trees = [...grouped(sources)].map(([root, group]) => ({ root, items: group.map((source) => itemOf(source, target, plan)) }));
  const files = await stage.digestOfAll(trees, jobRules(plan));
  const shownFlags = chown === undefined ? '' : `--chown=${chown} `;
  const told = `/bin/sh -c #(nop) ${keyword} ${shownFlags}${kindOfSources(sources)}:${hexOf(files)} in ${target} `;
  const rules = [plan.destination, chown, mode, link, plan.parents, exclude, isUnpacked, sources.map((source) => source.isDirectory)];
  const named = stage.named();
  const inputs = stage.inputs(`${keyword} ${target} ${JSON.stringify(rules)}`, { files, ...(named && { arguments: named }) });
  const { config } = stage.state;
  return { inputs, told, config, make: () => write(stage, plan, isUnpacked) };
}

/** As the classic builder's history has it. */
function kindOfSources([source, ...more]: readonly Source[]): string {
  if (more.length > 0) return 'multi';
  return source?.isDirectory ? 'dir' : 'file';
}

/** Sources of one tree together, in the order in which the trees come. */
function grouped(sources: readonly Source[]): ReadonlyMap<string, readonly Source[]> {
  return Map.groupBy(sources, ({ root }) => root);
}

function jobRules({ owner, mode, exclude }: CopyPlan): Pick<CopyJob, 'owner' | 'mode' | 'exclude'> {
  return { owner, mode, exclude };
}

async function write(stage: StageRun, plan: CopyPlan, isUnpacked: readonly boolean[]): Promise<StepResultState> {
  const { snapshots, kernel } = stage.run.parts;
  const { layers, config } = stage.state;
  const owner = plan.chown === undefined ? plan.owner : await ownerOf(stage, plan.chown);
  // --link: written over nothing, so that neither links nor directories of the image matter.
  await using mounted = await mountLayers(snapshots, kernel.mounts, plan.link ? [] : layers);
  const intoDirectory = plan.intoDirectory || isDirectoryIn(mounted, plan.target);
  if (plan.intoDirectory) makeTarget(mounted, plan, owner);
  for (const [index, source] of plan.sources.entries()) {
    if (isUnpacked[index]) await unpackArchive(stage, source, mounted, plan.target, plan.chown === undefined ? undefined : owner);
  }
  for (const [root, group] of grouped(plan.sources.filter((_, index) => !isUnpacked[index]))) {
    const items = group.map((source) => itemOf(source, plan.target, { ...plan, intoDirectory }));
    await runJob(
      { do: 'copy', from: root, to: mounted.directory, items, targets: 'plain', ...jobRules(plan), owner },
      undefined,
      stage.run.signal,
    );
  }
  return { config, layer: await mounted.commit({ newest: stage.run.epoch, ...(plan.link && { onto: layers }) }) };
}

function makeTarget(mounted: Mounted, { target, mode }: CopyPlan, owner: Owner | undefined): void {
  using root = new Root(mounted.directory);
  root.makeDirectories(resolvePath(root, bytesOf(target)), madeMode(mode), owner);
}

async function unpackArchive(stage: StageRun, source: Source, mounted: Mounted, target: string, owner: Owner | undefined): Promise<void> {
  const file = await openArchive(stage, source);
  const under = bytesOf(target).replace(/^\/+|\/+$/g, '');
  await runJob({ do: 'unpack', root: mounted.directory, file, options: { whiteouts: 'plain', under, owner } }, undefined, stage.run.signal);
}

/** Names are looked up in the image's own files. */
async function ownerOf(stage: StageRun, chown: string): Promise<Owner> {
  if (/^\d+(?::\d+)?$/.test(chown)) return resolveOwner(chown, { passwd: '', group: '' });
  const { snapshots, kernel } = stage.run.parts;
  await using mounted = await mountLayers(snapshots, kernel.mounts, stage.state.layers);
  using root = new Root(mounted.directory);
  return resolveOwner(chown, ownerFiles(root));
}

function isDirectoryIn(mounted: Mounted, target: string): boolean {
  using root = new Root(mounted.directory);
  return root.statTarget(bytesOf(target))?.isDirectory() ?? false;
}

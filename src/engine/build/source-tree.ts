import type { Digest } from '../../base/digest.ts';
import { KindError } from '../../base/errors.ts';
import { mountLayers } from './mounted.ts';
import type { StageRun } from './run-stage.ts';
import { findStage } from './stages.ts';

/** A tree that COPY reads from, or a bind mount shows. */
export interface SourceTree extends AsyncDisposable {
  readonly directory: string;
  /** Of a stage or image: its layers tell its content. Undefined: files from the client, which belong to root. */
  readonly layers: readonly Digest[] | undefined;
  /** Whether writing to the directory harms nobody: it is a mount of its own. */
  readonly isOwn: boolean;
}

/** `--from=name`: a named context, an earlier stage or an image; undefined: the build context. */
export async function openSource(stage: StageRun, name: string | undefined): Promise<SourceTree> {
  if (name === undefined) return clientTree(stage.run.context.root);
  const named = stage.run.named.get(name.toLowerCase());
  if (named && 'directory' in named) return clientTree(named.directory);
  const state = await stateOf(stage, named ? named.image : name, named !== undefined);
  const mounted = await mountLayers(stage.run.parts.snapshots, stage.run.parts.kernel.mounts, state.layers);
  return { directory: mounted.directory, layers: state.layers, isOwn: true, [Symbol.asyncDispose]: () => mounted[Symbol.asyncDispose]() };
}

async function stateOf(stage: StageRun, name: string, isImage: boolean): Promise<{ readonly layers: readonly Digest[] }> {
  const other = isImage ? undefined : findStage(stage.plan.stages, name, stage.stage.index);
  if (other) return stage.stateOf(other);
  if (/^\d+$/.test(name))
    throw new KindError('invalid', `invalid from flag value ${name}: refers to current build stage or a later one`, {
      details: { word: name },
    });
  return stage.run.base(name, stage.print);
}

function clientTree(directory: string): SourceTree {
  return { directory, layers: undefined, isOwn: false, [Symbol.asyncDispose]: async () => undefined };
}

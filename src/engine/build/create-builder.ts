import { rmSync } from 'node:fs';
import { KindError } from '../../base/errors.ts';
import { shortId } from '../../base/ids.ts';
import type { Log } from '../../base/log.ts';
import { Pushable } from '../../base/pushable.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { Store } from '../../store/store.ts';
import type { LocalImages } from '../images/local-images.ts';
import { Records } from '../images/records.ts';
import { familiarName, parseReference } from '../images/reference.ts';
import type { OverlaySnapshots } from '../snapshots/overlay-snapshots.ts';
import { isProxy, platformArguments } from './arguments.ts';
import { BuildRun, type BuilderOptions, type CacheRecord, type StepState } from './build-run.ts';
import type { Builder, BuildOutput, BuildRequest, StepRunner } from './builder.ts';
import { openContext } from './context.ts';
import { parseDockerfile, parseInstruction, type Instruction } from './dockerfile.ts';
import { StageRun } from './run-stage.ts';
import { planStages } from './stages.ts';

const cachePrefix = '/engine/build-cache/';

export interface CreateBuilderOptions {
  readonly images: LocalImages;
  readonly snapshots: OverlaySnapshots;
  readonly steps: StepRunner;
  readonly store: Store;
  readonly dataRoot: string;
  readonly kernel: Kernel;
  readonly log: Log;
}

/** The builder behind `docker build`. Steps are cached across builds and restarts. */
export function createBuilder(options: CreateBuilderOptions): Builder {
  const cache = new Records<CacheRecord>(options.store, cachePrefix);
  return {
    build: (request, signal) => build(options, cache, request, signal),
    prune: async () => {
      const keys = options.store.range(cachePrefix).entries.map((entry) => entry.key.slice(cachePrefix.length));
      await cache.deleteAll(keys);
      const before = await bytesOfAll(options.images);
      await options.images.prune({ all: false });
      return { bytes: Math.max(0, before - (await bytesOfAll(options.images))) };
    },
  };
}

async function* build(
  options: BuilderOptions,
  cache: Records<CacheRecord>,
  request: BuildRequest,
  signal: AbortSignal,
): AsyncGenerator<BuildOutput> {
  const output = new Pushable<BuildOutput>();
  const abort = new AbortController();
  const either = AbortSignal.any([signal, abort.signal]);
  const done = runBuild(options, cache, request, (item) => output.push(item), either).then(
    () => output.end(),
    (error: unknown) => output.fail(error),
  );
  try {
    yield* output;
  } finally {
    abort.abort();
    await done;
  }
}

async function runBuild(
  options: BuilderOptions,
  cache: Records<CacheRecord>,
  request: BuildRequest,
  emit: (output: BuildOutput) => void,
  signal: AbortSignal,
): Promise<void> {
  const names = request.names.map((name) => familiarName(parseReference(name)));
  const directory = options.snapshots.temporary();
  try {
    const context = await openContext(request, directory, signal);
    const run = new BuildRun(options, request, context, directory, cache, emit, signal);
    const state = await runStages(run);
    if (state.imageId === undefined) throw new KindError('invalid', 'No image was generated. Is your Dockerfile empty?');
    warnUnused(run);
    run.print(`Successfully built ${shortId(state.imageId)}\n`);
    for (const name of names) {
      await options.images.tag(state.imageId, name);
      run.print(`Successfully tagged ${name}\n`);
    }
    emit({ imageId: state.imageId });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function runStages(run: BuildRun): Promise<StepState> {
  const { request, context } = run;
  const file = parseDockerfile(context.dockerfile);
  const plan = planStages(file, request.buildArgs, request.target, platformArguments);
  const stages = plan.stages.filter((stage) => plan.needed.has(stage.index));
  const stepsOf = (stage: (typeof stages)[number]): readonly Instruction[] =>
    stage === plan.target ? [...stage.instructions, ...labels(request)] : stage.instructions;
  run.expectSteps(plan.globals.length + stages.reduce((sum, stage) => sum + 1 + stepsOf(stage).length, 0));
  for (const instruction of plan.globals) run.announce(instruction.text);
  for (const name of plan.globalArguments.keys()) run.usedArguments.add(name);
  const done = new Map<number, StepState>();
  for (const stage of stages) done.set(stage.index, await new StageRun(run, plan, stage, file.escape, done).all(stepsOf(stage)));
  const state = done.get(plan.target.index);
  if (!state) throw new Error('the target stage was not built');
  return state;
}

/** `--label` is a LABEL at the end of the target. */
function labels(request: BuildRequest): readonly Instruction[] {
  const entries = Object.entries(request.labels).sort(([a], [b]) => (a < b ? -1 : 1));
  if (entries.length === 0) return [];
  const quote = (text: string): string => `'${text.replaceAll("'", `'"'"'`)}'`;
  return [parseInstruction(`LABEL ${entries.map(([key, value]) => `${quote(key)}=${quote(value)}`).join(' ')}`, 0)];
}

function warnUnused(run: BuildRun): void {
  const unused = Object.keys(run.request.buildArgs).filter(
    (name) => !run.usedArguments.has(name) && !isProxy(name) && platformArguments(name) === undefined,
  );
  if (unused.length > 0) run.print(`[Warning] One or more build-args [${unused.join(' ')}] were not consumed\n`);
}

async function bytesOfAll(images: LocalImages): Promise<number> {
  return (await images.list()).reduce((sum, image) => sum + image.bytes, 0);
}

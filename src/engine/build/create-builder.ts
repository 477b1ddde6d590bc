import { KindError, kindOf, messageOf } from '../../base/errors.ts';
import { newId, shortId } from '../../base/ids.ts';
import type { Log } from '../../base/log.ts';
import { Pushable } from '../../base/pushable.ts';
import type { Kernel } from '../../kernel/kernel.ts';
import type { Store } from '../../store/store.ts';
import { runJob } from '../archive/run-job.ts';
import type { LocalImages } from '../images/local-images.ts';
import { canonicalName, familiarName, parseReference } from '../images/reference.ts';
import type { OverlaySnapshots } from '../snapshots/overlay-snapshots.ts';
import { isProxy, platformArguments } from './arguments.ts';
import type { BuildParts } from './build-parts.ts';
import { BuildRecords } from './build-records.ts';
import { BuildRun, type StepState } from './build-run.ts';
import { buildStages, planBuild, type PlannedBuild } from './build-stages.ts';
import type { Builder, BuildOutput, BuildRequest, StepRunner } from './builder.ts';
import { CacheMounts } from './cache-mounts.ts';
import { openContext, type BuildContext } from './context.ts';
import { explainPath } from './explain-path.ts';
import { openNamedContexts } from './named-contexts.ts';
import { excerpt, placeDetails } from './place.ts';
import { cacheUsage, pruneCache } from './prune-cache.ts';
import { StepCache } from './step-cache.ts';

export interface CreateBuilderOptions {
  readonly images: LocalImages;
  readonly snapshots: OverlaySnapshots;
  readonly steps: StepRunner;
  readonly store: Store;
  readonly dataRoot: string;
  readonly kernel: Kernel;
  readonly log: Log;
}

/** The builder behind `docker build` and `davit build`. Steps are cached across builds and restarts. */
export function createBuilder(options: CreateBuilderOptions): Builder {
  const { store, dataRoot } = options;
  const parts: BuildParts = {
    ...options,
    cache: new StepCache(store),
    mounts: CacheMounts.open(dataRoot, store),
    records: new BuildRecords(store),
  };
  return {
    build: (request, signal) => build(parts, request, signal),
    why: async (reference) => parts.records.report(reference),
    explain: (reference, path) => explainPath(parts, reference, path),
    prune: (rules) => pruneCache(parts, rules),
    usage: () => cacheUsage(parts),
  };
}

async function* build(parts: BuildParts, request: BuildRequest, signal: AbortSignal): AsyncGenerator<BuildOutput> {
  const output = new Pushable<BuildOutput>();
  const abort = new AbortController();
  const either = AbortSignal.any([signal, abort.signal]);
  const done = runBuild(parts, request, (item) => output.push(item), either).then(
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

async function runBuild(parts: BuildParts, request: BuildRequest, emit: (output: BuildOutput) => void, signal: AbortSignal): Promise<void> {
  const names = request.names.map((name) => familiarName(parseReference(name)));
  const epoch = epochOf(request);
  const directory = parts.snapshots.temporary();
  try {
    const context = await openContext(request, parts.kernel.processes, directory, signal);
    const named = await openNamedContexts(request.contexts ?? {}, parts.kernel.processes, directory, signal);
    const run = new BuildRun({ parts, request, context, named, directory, epoch, emit, signal });
    try {
      const plan = await planBuild(run);
      if (request.check) return emit({ checked: plan.report });
      const state = await recorded(run, names, plan);
      run.emit({ do: 'say', text: `${unusedArguments(run)}Successfully built ${shortId(state.imageId ?? '')}\n` });
      for (const name of names) run.emit({ do: 'say', text: `Successfully tagged ${name}\n` });
      if (state.imageId) emit({ imageId: state.imageId });
    } catch (error) {
      throw withExcerpt(error, context);
    } finally {
      run.close();
    }
  } finally {
    // A context may have many thousand files. Never canceled.
    await runJob({ do: 'remove', root: directory });
  }
}

/** Builds and names the image; what happened is kept, also of a build that failed. */
async function recorded(run: BuildRun, names: readonly string[], plan: PlannedBuild): Promise<StepState> {
  const { parts, request, context } = run;
  const [began, startedAt] = [performance.now(), new Date()];
  const keep = async (state: StepState | undefined, error: string | undefined): Promise<void> => {
    const record = {
      id: newId().slice(0, 12),
      startedAt: startedAt.toISOString(),
      milliseconds: Math.round(performance.now() - began),
      dockerfile: context.dockerfileName,
      target: request.target,
      names: names.map((name) => canonicalName(parseReference(name))),
      image: state?.imageId,
      error,
      noCache: request.noCache,
      steps: run.records.toSorted((a, b) => a.number - b.number),
    };
    await parts.records.add(record, run.lists);
    await parts.cache.note(run.hits, state?.imageId && run.keyOf(state.imageId), new Date());
  };
  try {
    const state = await buildStages(run, plan);
    if (state.imageId === undefined) throw new KindError('invalid', 'No image was generated. Is your Dockerfile empty?');
    for (const name of names) await parts.images.tag(state.imageId, name);
    await keep(state, undefined);
    return state;
  } catch (error) {
    if (kindOf(error) !== 'canceled' && run.records.length > 0) await keep(undefined, messageOf(error));
    throw error;
  }
}

/** https://reproducible-builds.org/specs/source-date-epoch/ */
function epochOf({ buildArgs }: BuildRequest): number | undefined {
  const text = buildArgs['SOURCE_DATE_EPOCH'];
  if (text === undefined || text === '') return undefined;
  if (/^\d{1,12}$/.test(text)) return Number(text);
  throw new KindError('invalid', `invalid SOURCE_DATE_EPOCH: ${text}: want seconds since 1970`);
}

/** Shows the line that an error is about. A command that failed keeps dockerd's one line: its place is in the details. */
function withExcerpt(error: unknown, { dockerfile, dockerfileName }: BuildContext): unknown {
  const details = placeDetails(error);
  const { line, column = 1, width = 1 } = details ?? {};
  if (line === undefined || !(error instanceof KindError)) return error;
  const shown = excerpt(dockerfileName, dockerfile, { line, column, width });
  const place = { ...details, file: dockerfileName, excerpt: shown };
  const message = 'exitCode' in place ? error.message : `${error.message}\n${shown}`;
  return new KindError(error.kind, message, { cause: error, details: place });
}

function unusedArguments(run: BuildRun): string {
  const unused = Object.keys(run.request.buildArgs).filter(
    (name) => !run.usedArguments.has(name) && !isProxy(name) && platformArguments(name) === undefined,
  );
  return unused.length > 0 ? `[Warning] One or more build-args [${unused.join(' ')}] were not consumed\n` : '';
}

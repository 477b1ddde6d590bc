import { chmodSync, chownSync, closeSync, constants, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { posix } from 'node:path';
import { KindError } from '../../base/errors.ts';
import { newId } from '../../base/ids.ts';
import { bytesOf, Root } from '../../kernel/files.ts';
import { runJob } from '../archive/run-job.ts';
import type { ResolvedMount } from '../containers/container.ts';
import { serveAgent } from './agent-socket.ts';
import type { MountSpec } from './mount-spec.ts';
import type { StageRun } from './run-stage.ts';
import { openSource, type SourceTree } from './source-tree.ts';
import type { MountInput } from './step-inputs.ts';

/** The mounts of one RUN step: what they mean for the cache first, then, when the step really runs, what to mount. */
export interface RunMounts extends AsyncDisposable {
  readonly inputs: Readonly<Record<string, MountInput>>;
  prepare(): Promise<{ readonly mounts: readonly ResolvedMount[]; readonly env: readonly string[] }>;
}

interface Place {
  readonly stage: StageRun;
  readonly spec: MountSpec;
  /** Absolute in the container; '' for a secret that is a variable only. */
  readonly target: string;
  readonly number: number;
  readonly undo: AsyncDisposableStack;
}

export async function openRunMounts(stage: StageRun, specs: readonly MountSpec[]): Promise<RunMounts> {
  await using undo = new AsyncDisposableStack();
  const trees = new Map<MountSpec, SourceTree>();
  const inputs: Record<string, MountInput> = {};
  const places = specs.map((spec, number) => ({
    stage,
    spec,
    number,
    undo: new AsyncDisposableStack(),
    target: targetOf(stage, spec, number),
  }));
  for (const place of places) {
    undo.use(place.undo);
    const { spec, target } = place;
    const key = target || `$${spec.env ?? ''}`;
    if (key in inputs) throw new KindError('invalid', `RUN has two mounts at ${key}`, { details: { word: spec.target ?? key } });
    if (spec.type !== 'bind') {
      inputs[key] = { spec: shownSpec(spec) };
      continue;
    }
    const tree = place.undo.use(await openSource(stage, spec.from));
    trees.set(spec, tree);
    inputs[key] = { spec: shownSpec(spec), files: await contentOf(stage, spec, tree) };
  }
  const owned = undo.move();
  return {
    inputs,
    prepare: async () => {
      const prepared = [];
      // Locks are taken in one order by everybody, so that no two steps wait for each other.
      for (const place of places.toSorted((a, b) => ((a.spec.id ?? a.target) < (b.spec.id ?? b.target) ? -1 : 1)))
        prepared.push(await prepareMount(place, trees.get(place.spec)));
      return { mounts: prepared.flatMap(({ mounts }) => mounts), env: prepared.flatMap(({ env }) => env) };
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function targetOf(stage: StageRun, spec: MountSpec, number: number): string {
  if (spec.target !== undefined) {
    const target = posix.resolve(stage.state.config.WorkingDir || '/', spec.target);
    if (target === '/')
      throw new KindError('invalid', `invalid mount target "${spec.target}": a mount cannot hide the whole root`, {
        details: { word: spec.target },
      });
    return target;
  }
  if (spec.type === 'secret') return spec.env === undefined ? `/run/secrets/${posix.basename(spec.id ?? '')}` : '';
  return `/run/buildkit/ssh_agent.${number}`;
}

/** What counts for the cache: never a secret's content, nor whose agent it is. */
function shownSpec(spec: MountSpec): string {
  const { type, id, from, source, readOnly, sharing, mode, owner, env, size } = spec;
  const shown = {
    type,
    id,
    from,
    source,
    ro: readOnly,
    sharing: type === 'cache' ? sharing : undefined,
    mode: mode?.toString(8),
    uid: owner.uid || undefined,
    gid: owner.gid || undefined,
    env,
    size,
  };
  return Object.entries(shown)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

async function contentOf(stage: StageRun, spec: MountSpec, tree: SourceTree): Promise<MountInput['files']> {
  const source = inside(spec.source);
  using root = new Root(tree.directory);
  if (!root.statTarget(bytesOf(source)))
    throw new KindError('notFound', `failed to compute cache key: "/${source}": not found`, { details: { word: spec.source ?? '' } });
  const owner = tree.layers === undefined ? { uid: 0, gid: 0 } : undefined;
  return stage.digest(tree.directory, [{ source: bytesOf(source), target: 'mount' }], { owner });
}

function inside(path: string | undefined): string {
  return posix
    .normalize(`/${path ?? ''}`)
    .slice(1)
    .replace(/\/$/, '');
}

interface Prepared {
  readonly mounts: readonly ResolvedMount[];
  readonly env: readonly string[];
}

const nothing: Prepared = { mounts: [], env: [] };

async function prepareMount(place: Place, tree: SourceTree | undefined): Promise<Prepared> {
  const { spec, target } = place;
  switch (spec.type) {
    case 'bind':
      if (!tree) throw new Error('a bind mount has a source');
      return only({
        type: 'bind',
        source: pinned(place, writable(place, tree), spec.source),
        target,
        readOnly: spec.readOnly,
        propagation: 'rprivate',
      });
    case 'tmpfs':
      return only({
        type: 'tmpfs',
        source: ['exec', 'mode=1777', ...(spec.size === undefined ? [] : [`size=${spec.size}`])].join(','),
        target,
        readOnly: spec.readOnly,
        propagation: '',
      });
    case 'cache':
      return only({ type: 'bind', source: await cacheFolder(place), target, readOnly: spec.readOnly, propagation: 'rprivate' });
    case 'secret':
      return secret(place);
    case 'ssh':
      return agent(place);
  }
}

function only(mount: ResolvedMount): Prepared {
  return { mounts: [mount], env: [] };
}

/** What a step writes into a bind mount is dropped: a tree of the client's gets a layer over it. */
function writable({ spec, stage, undo }: Place, tree: SourceTree): string {
  if (spec.readOnly || tree.isOwn) return tree.directory;
  const directory = `${stage.run.directory}/${newId().slice(0, 12)}`;
  for (const name of ['upper', 'work', 'merged']) mkdirSync(`${directory}/${name}`, { recursive: true });
  const { mounts } = stage.run.parts.kernel;
  const options = [`lowerdir=${tree.directory}`, `upperdir=${directory}/upper`, `workdir=${directory}/work`, 'index=off'];
  mounts.mount({ type: 'overlay', source: 'overlay', target: `${directory}/merged`, options });
  undo.defer(() => mounts.unmountWritten(`${directory}/merged`));
  return `${directory}/merged`;
}

/** A path inside a tree, whatever links it holds, mounted at a path that has none. */
function pinned({ stage, undo }: Place, directory: string, source: string | undefined): string {
  using root = new Root(directory);
  const path = bytesOf(inside(source));
  const isDirectory = root.statTarget(path)?.isDirectory() ?? false;
  const pin = `${stage.run.directory}/${newId().slice(0, 12)}`;
  if (isDirectory) mkdirSync(pin);
  else writeFileSync(pin, '');
  const fd = root.open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  const { mounts } = stage.run.parts.kernel;
  try {
    mounts.mount({ type: 'bind', source: `/proc/self/fd/${fd}`, target: pin, options: ['bind'] });
  } finally {
    closeSync(fd);
  }
  undo.defer(() => mounts.unmount(pin));
  return pin;
}

/** Caches of the same id that belong to somebody else, or let in others, are other caches. */
function cacheName({ id, mode, owner }: MountSpec, target: string): string {
  const { uid, gid } = owner;
  const rights = { mode: mode?.toString(8), uid: uid || undefined, gid: gid || undefined };
  const told = Object.entries(rights).filter(([, value]) => value !== undefined);
  return [id ?? target, ...told.map(([key, value]) => `${key}=${value}`)].join(',');
}

async function cacheFolder(place: Place): Promise<string> {
  const { spec, target, stage, undo } = place;
  const taken = undo.use(await stage.run.parts.mounts.take(cacheName(spec, target), spec.sharing));
  if (!taken.isNew) return taken.directory;
  if (spec.from !== undefined || spec.source !== undefined) {
    await using tree = await openSource(stage, spec.from);
    const items = [{ source: bytesOf(inside(spec.source)), target: '' }];
    await runJob({ do: 'copy', from: tree.directory, to: taken.directory, items }, undefined, stage.run.signal);
  }
  chownSync(taken.directory, spec.owner.uid, spec.owner.gid);
  chmodSync(taken.directory, spec.mode ?? 0o755);
  return taken.directory;
}

function secret(place: Place): Prepared {
  const { spec, target, stage } = place;
  const value = stage.run.request.secrets?.[spec.id ?? ''];
  if (value === undefined) {
    if (!spec.required) return nothing;
    throw new KindError('invalid', `secret ${spec.id}: not found: give it with --secret id=${spec.id},src=FILE`, {
      details: { word: spec.id ?? '' },
    });
  }
  const env = spec.env === undefined ? [] : [`${spec.env}=${Buffer.from(value).toString()}`];
  if (target === '') return { mounts: [], env };
  const file = `${stage.run.memory()}/${newId().slice(0, 12)}`;
  writeFileSync(file, value, { mode: 0o600, flag: 'wx' });
  chownSync(file, spec.owner.uid, spec.owner.gid);
  chmodSync(file, spec.mode ?? 0o400);
  place.undo.defer(() => rmSync(file, { force: true }));
  return { mounts: [{ type: 'bind', source: file, target, readOnly: true, propagation: 'rprivate' }], env };
}

async function agent(place: Place): Promise<Prepared> {
  const { spec, target, stage, undo } = place;
  const connect = stage.run.request.agents?.[spec.id ?? 'default'];
  if (!connect) {
    if (!spec.required) return nothing;
    throw new KindError('invalid', `ssh agent ${spec.id ?? 'default'}: not given: use davit build --ssh ${spec.id ?? 'default'}`, {
      details: { word: 'ssh' },
    });
  }
  const directory = `${stage.run.memory()}/${newId().slice(0, 12)}`;
  mkdirSync(directory, { mode: 0o711 });
  undo.defer(() => rmSync(directory, { recursive: true, force: true }));
  undo.use(await serveAgent(directory, connect));
  const socket = `${directory}/agent`;
  chownSync(socket, spec.owner.uid, spec.owner.gid);
  chmodSync(socket, spec.mode ?? 0o600);
  if (!existsSync(socket)) throw new Error('the agent socket is missing');
  return { mounts: [{ type: 'bind', source: socket, target, readOnly: false, propagation: 'rprivate' }], env: [`SSH_AUTH_SOCK=${target}`] };
}

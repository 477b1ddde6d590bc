import type { Digest } from '../../base/digest.ts';
import { shortId } from '../../base/ids.ts';
import type { BuildRecord, Cause, StepRecord, StepVerdict } from './build-record.ts';
import { listChanges } from './file-list.ts';
import type { MountInput } from './step-inputs.ts';

export type FileLists = (digest: Digest) => Uint8Array | undefined;

/** Files named for one step. */
const mostFiles = 20;

/** Why each step of `build` was built again, by comparing its inputs with those of the build before. */
export function explainBuild(build: BuildRecord, before: BuildRecord | undefined, lists: FileLists): readonly StepVerdict[] {
  const partners = before ? align(build.steps, before.steps) : new Map<StepRecord, StepRecord>();
  const changed: StepRecord[] = [];
  return build.steps.map((step) => {
    const { number, stageName, line, text, milliseconds } = step;
    const partner = partners.get(step);
    const isBase = step.inputs.base !== undefined;
    const known = { partner, hasBefore: before !== undefined, source: changed.findLast(({ stage }) => stage === step.stage) };
    const causes = isBase ? baseCauses(step, partner, lists) : step.outcome === 'hit' ? [] : causesOf(build, step, known, lists);
    if (causes.length > 0 && !causes.every(({ input }) => input === 'parent')) changed.push(step);
    const outcome = isBase && causes.length > 0 ? 'miss' : step.outcome;
    return { number, stageName, line, text, outcome, milliseconds, causes };
  });
}

/** A base is looked up, never built: it has changed or it has not. */
function baseCauses(step: StepRecord, before: StepRecord | undefined, lists: FileLists): readonly Cause[] {
  return before ? ownCauses(step, before, lists) : [];
}

/**
 * Which step of the old build stands for which of the new one. In each stage, steps with the same text are matched in
 * order (longest common subsequence); what is left between two matches is matched one by one.
 */
function align(now: readonly StepRecord[], before: readonly StepRecord[]): ReadonlyMap<StepRecord, StepRecord> {
  const partners = new Map<StepRecord, StepRecord>();
  for (const stage of new Set(now.map((step) => step.stage))) {
    const mine = now.filter((step) => step.stage === stage);
    const name = mine[0]?.stageName;
    const theirs = before.filter((step) => (name === undefined ? step.stage === stage : step.stageName === name));
    let [i, j] = [0, 0];
    for (const [nextI, nextJ] of [...commonSteps(mine, theirs), [mine.length, theirs.length] as const]) {
      const gap = theirs.slice(j, nextJ);
      for (const step of mine.slice(i, nextI)) {
        const at = gap.findIndex((candidate) => keyword(candidate) === keyword(step));
        const partner = at < 0 ? undefined : gap.splice(0, at + 1).at(-1);
        if (partner) partners.set(step, partner);
      }
      const [step, partner] = [mine[nextI], theirs[nextJ]];
      if (step && partner) partners.set(step, partner);
      [i, j] = [nextI + 1, nextJ + 1];
    }
  }
  return partners;
}

function keyword(step: StepRecord): string {
  return /^\S+/.exec(step.text)?.[0].toUpperCase() ?? '';
}

/** Pairs of indexes of a longest common subsequence. */
function commonSteps(a: readonly StepRecord[], b: readonly StepRecord[]): readonly (readonly [number, number])[] {
  const lengths = Array.from({ length: a.length + 1 }, () => Array.from({ length: b.length + 1 }, () => 0));
  const at = (i: number, j: number): number => lengths[i]?.[j] ?? 0;
  for (let i = a.length - 1; i >= 0; i--)
    for (let j = b.length - 1; j >= 0; j--)
      (lengths[i] as number[])[j] = a[i]?.text === b[j]?.text ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  const pairs: (readonly [number, number])[] = [];
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    if (a[i]?.text === b[j]?.text) pairs.push([i++, j++]);
    else if (at(i + 1, j) >= at(i, j + 1)) i += 1;
    else j += 1;
  }
  return pairs;
}

interface Known {
  /** The step of the build before. */
  readonly partner: StepRecord | undefined;
  readonly hasBefore: boolean;
  /** The last step of the same stage that changed by itself. */
  readonly source: StepRecord | undefined;
}

function causesOf(build: BuildRecord, step: StepRecord, { partner, hasBefore, source }: Known, lists: FileLists): readonly Cause[] {
  if (build.noCache) return [{ input: 'cache', change: 'the build ran with --no-cache' }];
  if (!partner && !hasBefore) return [{ input: 'first build', change: 'nothing like it was built before' }];
  if (!partner) return [{ input: 'instruction', change: 'new instruction' }];
  const own = ownCauses(step, partner, lists);
  if (own.length > 0) return own;
  if (step.inputs.parent !== partner.inputs.parent)
    return [{ input: 'parent', change: source ? `step ${source.number} before it changed` : 'the state before it is another one' }];
  if (partner.outcome === 'failed') return [{ input: 'cache', change: 'it failed the last time' }];
  return [{ input: 'cache', change: 'its cached result was pruned' }];
}

/** What changed of the step itself; a variable's value explains the text that it changed. */
function ownCauses({ text, inputs }: StepRecord, before: StepRecord, lists: FileLists): readonly Cause[] {
  const old = before.inputs;
  const causes: Cause[] = [];
  if (text !== before.text && inputs.environment === undefined) causes.push({ input: 'instruction', change: `${before.text} → ${text}` });
  causes.push(...recordCauses('environment', old.environment, inputs.environment));
  causes.push(...recordCauses('argument', old.arguments, inputs.arguments));
  if (inputs.base?.name !== old.base?.name && text === before.text)
    causes.push({ input: 'base', change: `${old.base?.name ?? 'none'} → ${inputs.base?.name ?? 'none'}` });
  else if (inputs.base?.id !== old.base?.id)
    causes.push({ input: 'base', change: `${inputs.base?.name ?? 'scratch'}: ${idOf(old.base?.id)} → ${idOf(inputs.base?.id)}` });
  if (inputs.network !== old.network)
    causes.push({ input: 'network', change: `${old.network ?? 'default'} → ${inputs.network ?? 'default'}` });
  causes.push(...mountCauses(old.mounts ?? {}, inputs.mounts ?? {}, lists));
  causes.push(...fileCauses('file', old.files, inputs.files, lists));
  if (inputs.epoch !== old.epoch)
    causes.push({ input: 'epoch', change: `SOURCE_DATE_EPOCH: ${old.epoch ?? 'none'} → ${inputs.epoch ?? 'none'}` });
  if (causes.length === 0 && inputs.does !== old.does) causes.push({ input: 'instruction', change: `${old.does} → ${inputs.does}` });
  return causes;
}

function idOf(id: Digest | undefined): string {
  return id === undefined ? 'scratch' : shortId(id);
}

type Values = Readonly<Record<string, string>>;

function recordCauses(input: 'argument' | 'environment', before: Values = {}, after: Values = {}): readonly Cause[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  const shown = (value: string | undefined): string => (value === undefined ? 'unset' : JSON.stringify(value));
  return names
    .filter((name) => before[name] !== after[name])
    .map((name) => ({ input, change: `${name}: ${shown(before[name])} → ${shown(after[name])}` }));
}

function mountCauses(
  before: Readonly<Record<string, MountInput>>,
  after: Readonly<Record<string, MountInput>>,
  lists: FileLists,
): readonly Cause[] {
  const targets = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return targets.flatMap((target): readonly Cause[] => {
    const [old, now] = [before[target], after[target]];
    if (!old) return [{ input: 'mount', change: `${target}: new mount` }];
    if (!now) return [{ input: 'mount', change: `${target}: gone` }];
    if (old.spec !== now.spec) return [{ input: 'mount', change: `${target}: ${old.spec} → ${now.spec}` }];
    return fileCauses('mount', old.files, now.files, lists).map(({ change }) => ({ input: 'mount', change: `${target}: ${change}` }));
  });
}

function fileCauses(input: 'file' | 'mount', before: Digest | undefined, after: Digest | undefined, lists: FileLists): readonly Cause[] {
  if (before === after) return [];
  const [old, now] = [before && lists(before), after && lists(after)];
  if (!old || !now) return [{ input, change: 'other files than before' }];
  return listChanges(old, now, mostFiles).map((change) => ({ input, change }));
}

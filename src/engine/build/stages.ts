import { KindError } from '../../base/errors.ts';
import { parseError, type Dockerfile, type Instruction } from './dockerfile.ts';
import { expand, splitWords, type Variables } from './words.ts';

export interface Stage {
  readonly index: number;
  /** Lower case; undefined without AS. */
  readonly name: string | undefined;
  /** Image or stage; variables replaced. */
  readonly base: string;
  readonly from: Instruction;
  readonly instructions: readonly Instruction[];
}

export interface Plan {
  /** ARG before the first FROM. */
  readonly globals: readonly Instruction[];
  /** All of them; `needed` says which are built. */
  readonly stages: readonly Stage[];
  readonly needed: ReadonlySet<number>;
  readonly target: Stage;
  readonly globalArguments: ReadonlyMap<string, string | undefined>;
}

/** Splits a Dockerfile into stages and finds those that the target needs. */
export function planStages(
  file: Dockerfile,
  buildArgs: Readonly<Record<string, string | undefined>>,
  target: string | undefined,
  predefined: Variables,
): Plan {
  const globals: Instruction[] = [];
  const globalArguments = new Map<string, string | undefined>();
  const lookup: Variables = (name) => globalArguments.get(name) ?? predefined(name);
  const stages: { readonly stage: Omit<Stage, 'instructions'>; readonly instructions: Instruction[] }[] = [];
  for (const instruction of file.instructions) {
    if (instruction.keyword === 'FROM') stages.push({ stage: stageOf(instruction, stages.length, lookup, file.escape), instructions: [] });
    else if (stages.length > 0) stages.at(-1)?.instructions.push(instruction);
    else if (instruction.keyword === 'ARG') {
      globals.push(instruction);
      for (const [name, value] of argumentsOf(instruction, file.escape))
        globalArguments.set(name, buildArgs[name] ?? (value === undefined ? undefined : expand(value, lookup, file.escape)));
    } else throw parseError(instruction.line, `no build stage in current context: ${instruction.keyword} stands before FROM`);
  }
  const all = stages.map(({ stage, instructions }) => ({ ...stage, instructions }));
  const chosen = target === undefined || target === '' ? all.at(-1) : findStage(all, target, all.length);
  if (!chosen) {
    if (all.length > 0) throw new KindError('invalid', `failed to reach build target ${target ?? ''} in Dockerfile`);
    throw parseError(1, 'no build stage in current context: the file has no FROM');
  }
  return { globals, stages: all, needed: neededBy(all, chosen), target: chosen, globalArguments };
}

/** By name, or by number as COPY --from may say; only earlier stages count. */
export function findStage(stages: readonly Stage[], name: string, before: number): Stage | undefined {
  const earlier = stages.slice(0, before);
  return earlier.findLast((stage) => stage.name === name.toLowerCase()) ?? (/^\d+$/.test(name) ? earlier[Number(name)] : undefined);
}

/** `ARG a=b c` → [a, 'b'], [c, undefined] */
export function argumentsOf(instruction: Instruction, escape: string): readonly (readonly [string, string | undefined])[] {
  return splitWords(instruction.rest, escape).map((word) => {
    const equals = word.indexOf('=');
    if (equals === 0) throw parseError(instruction.line, 'ARG names can not be blank');
    return equals < 0 ? [word, undefined] : [word.slice(0, equals), word.slice(equals + 1)];
  });
}

function stageOf(from: Instruction, index: number, variables: Variables, escape: string): Omit<Stage, 'instructions'> {
  const words = splitWords(from.rest, escape);
  const [base = '', as, name] = words;
  if (words.length !== 1 && (words.length !== 3 || as?.toLowerCase() !== 'as'))
    throw parseError(from.line, 'FROM requires either one or three arguments');
  if (name !== undefined && !/^[a-z][a-z0-9-_.]*$/i.test(name))
    throw parseError(from.line, `invalid name for build stage: "${name}", name can't start with a number or contain symbols`);
  const image = expand(base, variables, escape);
  if (image === '') throw parseError(from.line, `base name (${base}) should not be blank`);
  return { index, name: name?.toLowerCase(), base: image, from };
}

function neededBy(stages: readonly Stage[], target: Stage): ReadonlySet<number> {
  const needed = new Set<number>();
  const visit = (stage: Stage): void => {
    if (needed.has(stage.index)) return;
    needed.add(stage.index);
    for (const name of [stage.base, ...stage.instructions.map((instruction) => instruction.flags.from)]) {
      const other = name === undefined ? undefined : findStage(stages, name, stage.index);
      if (other && !(name === stage.base && /^\d+$/.test(name))) visit(other);
    }
  };
  visit(target);
  return needed;
}

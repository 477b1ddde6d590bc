import { KindError } from '../../base/errors.ts';
import type { Dockerfile } from './dockerfile.ts';
import { parseError, parseInstruction, type Instruction } from './instruction.ts';
import { mountSource } from './mount-spec.ts';
import { expand, fields, splitWords, type Variables } from './words.ts';

export interface Stage {
  readonly index: number;
  /** Lower case; undefined without AS. */
  readonly name: string | undefined;
  /** Image or stage; variables replaced. */
  readonly base: string;
  /** Of `FROM --platform`; variables replaced. */
  readonly platform: string | undefined;
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
  contexts: ReadonlySet<string> = new Set(),
): Plan {
  const globals: Instruction[] = [];
  const globalArguments = new Map<string, string | undefined>([['TARGETSTAGE', buildArgs['TARGETSTAGE'] ?? (target || lastName(file))]]);
  const lookup: Variables = (name) =>
    globalArguments.get(name) ?? (predefined(name) === undefined ? undefined : (buildArgs[name] ?? predefined(name)));
  const stages: { readonly stage: Omit<Stage, 'instructions'>; readonly instructions: Instruction[] }[] = [];
  for (const instruction of file.instructions) {
    if (instruction.keyword === 'FROM') stages.push({ stage: stageOf(instruction, stages.length, lookup, file.escape), instructions: [] });
    else if (stages.length > 0) stages.at(-1)?.instructions.push(instruction);
    else if (instruction.keyword === 'ARG') {
      globals.push(instruction);
      for (const [name, value] of argumentsOf(instruction, file.escape))
        globalArguments.set(name, buildArgs[name] ?? (value === undefined ? undefined : expand(value, lookup, file.escape)));
    } else throw parseError(instruction.lines, `no build stage in current context: ${instruction.keyword} stands before FROM`);
  }
  const all = stages.map(({ stage, instructions }) => ({ ...stage, instructions }));
  const chosen = target === undefined || target === '' ? all.at(-1) : findStage(all, target, all.length);
  if (!chosen) {
    if (all.length > 0) throw new KindError('invalid', `failed to reach build target ${target ?? ''} in Dockerfile`);
    throw parseError([], 'no build stage in current context: the file has no FROM');
  }
  return { globals, stages: all, needed: neededBy(all, chosen, contexts), target: chosen, globalArguments };
}

/** What is built where no target is named. */
function lastName({ instructions }: Dockerfile): string {
  return fields(instructions.findLast(({ keyword }) => keyword === 'FROM')?.rest ?? '')[2]?.toLowerCase() ?? 'default';
}

/** By name, or by number as COPY --from may say; only earlier stages count. */
export function findStage(stages: readonly Stage[], name: string, before: number): Stage | undefined {
  const earlier = stages.slice(0, before);
  return earlier.findLast((stage) => stage.name === name.toLowerCase()) ?? (/^\d+$/.test(name) ? earlier[Number(name)] : undefined);
}

/** The earlier stage that FROM names; a number is an image's name there. */
export function baseStage(stages: readonly Stage[], stage: Pick<Stage, 'base' | 'index'>): Stage | undefined {
  return /^\d+$/.test(stage.base) ? undefined : findStage(stages, stage.base, stage.index);
}

/** Names that `--from` and `--mount=…,from=` give. They are no variables: which stages are built is known before the first step. */
function sourcesOf(instruction: Instruction): readonly string[] {
  const mounts = (instruction.lists['mount'] ?? []).map(mountSource);
  const names = [instruction.flags['from'], ...mounts].filter((name) => name !== undefined);
  const variable = names.find((name) => /\$./.test(name));
  if (variable === undefined) return names;
  throw parseError(instruction.lines, "'from' doesn't support variable expansion, define alias stage instead", variable);
}

/** What the triggers of a stage are to those that start from it. */
function triggersOf(stage: Stage): readonly Instruction[] {
  return stage.instructions
    .filter(({ keyword }) => keyword === 'ONBUILD')
    .map(({ rest, line, lines }) => parseInstruction(rest, line, { lines }));
}

/** `ARG a=b c` → [a, 'b'], [c, undefined] */
export function argumentsOf(instruction: Instruction, escape: string): readonly (readonly [string, string | undefined])[] {
  return splitWords(instruction.rest, escape).map((word) => {
    const equals = word.indexOf('=');
    if (equals === 0) throw parseError(instruction.lines, 'ARG names can not be blank');
    return equals < 0 ? [word, undefined] : [word.slice(0, equals), word.slice(equals + 1)];
  });
}

function stageOf(from: Instruction, index: number, variables: Variables, escape: string): Omit<Stage, 'instructions'> {
  const words = fields(from.rest);
  const [base = '', as, name] = words;
  if (words.length !== 1 && (words.length !== 3 || as?.toLowerCase() !== 'as'))
    throw parseError(from.lines, 'FROM requires either one or three arguments');
  if (name !== undefined && !/^[a-z][a-z0-9-_.]*$/i.test(name))
    throw parseError(from.lines, `invalid name for build stage: "${name}", name can't start with a number or contain symbols`);
  const image = expand(base, variables, escape);
  if (image === '') throw parseError(from.lines, `base name (${base}) should not be blank`, base);
  const platform = from.flags['platform'] === undefined ? undefined : expand(from.flags['platform'], variables, escape);
  return { index, name: name?.toLowerCase(), base: image, platform, from };
}

/** A named context stands before a stage of the same name. */
function neededBy(stages: readonly Stage[], target: Stage, contexts: ReadonlySet<string>): ReadonlySet<number> {
  const needed = new Set<number>();
  const visit = (stage: Stage): void => {
    if (needed.has(stage.index)) return;
    needed.add(stage.index);
    const base = contexts.has(stage.base.toLowerCase()) ? undefined : baseStage(stages, stage);
    if (base) visit(base);
    for (const name of [...(base ? triggersOf(base) : []), ...stage.instructions].flatMap(sourcesOf)) {
      const other = contexts.has(name.toLowerCase()) ? undefined : findStage(stages, name, stage.index);
      if (other) visit(other);
    }
  };
  visit(target);
  return needed;
}

import { describeArguments } from './check-from.ts';
import { meant, undefinedIn, wordOf, type CheckInput, type Report, type StageState } from './findings.ts';
import { heredocStart } from './heredoc.ts';
import type { Instruction } from './instruction.ts';
import { argumentsOf, type Stage } from './stages.ts';
import { fields, splitWords, unquoted } from './words.ts';

/** What one stage has said so far. */
interface Scope {
  readonly input: CheckInput;
  readonly state: StageState;
  readonly report: Report;
  /** Instructions of which the last one counts. */
  readonly last: Map<string, Instruction>;
}

/** Rules about a stage's instructions in their order; `state` becomes what holds at its end. */
export function stepFindings(input: CheckInput, stage: Stage, state: StageState, report: Report): void {
  const scope: Scope = { input, state, report, last: new Map() };
  for (const instruction of stage.instructions) {
    judges[instruction.keyword]?.(instruction, scope);
    if (instruction.keyword !== 'ARG') variables(instruction, wordsOf(instruction, input.file.escape), scope);
    if (instruction.keyword === 'ENV') setEnvironment(instruction, scope);
  }
}

const judges: Readonly<Record<string, (instruction: Instruction, scope: Scope) => void>> = {
  MAINTAINER: (instruction, { report }) => report('MaintainerDeprecated', instruction),
  SHELL: (_, { state }) => {
    state.hasShell = true;
  },
  CMD: command,
  ENTRYPOINT: command,
  HEALTHCHECK: once,
  WORKDIR: (instruction, { state, report }) => {
    const path = unquoted(instruction.rest) ?? instruction.rest;
    if (!state.hasWorkdir && !/^[/$]/.test(path)) report('WorkdirRelativePath', instruction, path);
    state.hasWorkdir = true;
  },
  ENV: (instruction, { input, report }) => {
    legacy(instruction, input, report);
    for (const name of namesOf(instruction, input.file.escape)) secret(name, instruction, report);
  },
  LABEL: (instruction, { input, report }) => legacy(instruction, input, report),
  ARG: (instruction, scope) => {
    describeArguments(instruction, scope.input, scope.report);
    const given = argumentsOf(instruction, scope.input.file.escape);
    variables(
      instruction,
      given.flatMap(([, value]) => value ?? []),
      scope,
    );
    for (const [name] of given) {
      secret(name, instruction, scope.report);
      scope.state.declared.add(name);
    }
  },
  COPY: ignored,
  ADD: ignored,
  EXPOSE: (instruction, { report }) => {
    for (const port of fields(instruction.rest)) {
      const protocol = port.includes('$') ? '' : (port.split('/')[1] ?? '');
      if (protocol !== protocol.toLowerCase()) report('ExposeProtoCasing', instruction, port);
      if (/[^:]:/.test(port.replaceAll(/\$\{[^}]*\}/g, '$'))) report('ExposeInvalidFormat', instruction, port);
    }
  },
};

function command(instruction: Instruction, scope: Scope): void {
  if (!instruction.json && !scope.state.hasShell) scope.report('JSONArgsRecommended', instruction, wordOf(instruction));
  once(instruction, scope);
}

/** The earlier one is the one in vain. */
function once(instruction: Instruction, { last, report }: Scope): void {
  const before = last.get(instruction.keyword);
  if (before) report('MultipleInstructionsDisallowed', before, wordOf(instruction));
  last.set(instruction.keyword, instruction);
}

function legacy(instruction: Instruction, { file }: CheckInput, report: Report): void {
  if (!splitWords(instruction.rest, file.escape, 1)[0]?.includes('=')) report('LegacyKeyValueFormat', instruction, wordOf(instruction));
}

const secretName = /(?:_|^)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|$)/i;

function secret(name: string, instruction: Instruction, report: Report): void {
  if (secretName.test(name) && !/(?:_|^)public(?:_|$)/i.test(name)) report('SecretsUsedInArgOrEnv', instruction, instruction.keyword, name);
}

function ignored(instruction: Instruction, { input, report }: Scope): void {
  if (instruction.flags['from'] !== undefined) return;
  const words = instruction.json ?? fields(instruction.rest);
  for (const source of words.slice(0, -1)) {
    if (/[$*?[]|^(?:https?|git|ssh):|^git@/.test(source) || heredocStart(source)) continue;
    if (input.isIgnored(source)) report('CopyIgnoredFile', instruction, instruction.keyword === 'ADD' ? 'Add' : 'Copy', source);
  }
}

/** The instructions whose words are expanded, and the flags that are. */
function wordsOf(instruction: Instruction, escape: string): readonly string[] {
  switch (instruction.keyword) {
    case 'ENV':
    case 'LABEL':
    case 'STOPSIGNAL':
    case 'USER':
    case 'WORKDIR':
      return splitWords(instruction.rest, escape);
    case 'EXPOSE':
    case 'VOLUME':
      return instruction.json ?? fields(instruction.rest);
    case 'ADD':
    case 'COPY':
      return [...(instruction.json ?? fields(instruction.rest)), ...Object.values(instruction.flags)];
    default:
      return [];
  }
}

function variables(instruction: Instruction, words: readonly string[], { input, state, report }: Scope): void {
  const { environment, declared } = state;
  if (environment === undefined) return;
  const isDefined = (name: string): boolean => environment.has(name) || declared.has(name);
  const known = [...environment, ...declared];
  for (const name of undefinedIn(words, isDefined, input.file.escape)) report('UndefinedVar', instruction, name, meant(name, known, '$'));
}

/** `ENV a=1 b=2`, `ENV a 1`: the names. */
function namesOf(instruction: Instruction, escape: string): readonly string[] {
  const words = splitWords(instruction.rest, escape);
  return words[0]?.includes('=') ? words.map((word) => word.split('=', 1)[0] ?? '') : words.slice(0, 1);
}

function setEnvironment(instruction: Instruction, { input, state }: Scope): void {
  if (state.environment) state.environment = new Set([...state.environment, ...namesOf(instruction, input.file.escape)]);
}

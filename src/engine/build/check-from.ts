import { isKind } from '../../base/errors.ts';
import { parseReference } from '../images/reference.ts';
import { platformArguments, platformNames } from './arguments.ts';
import { isPredefined, meant, undefinedIn, wordOf, type CheckInput, type Report } from './findings.ts';
import type { Instruction } from './instruction.ts';
import { parsePlatform } from './platform.ts';
import { argumentsOf, baseStage, type Stage } from './stages.ts';
import { expand, fields } from './words.ts';

const reserved = new Set(['context', 'scratch']);

/** Rules about FROM: its words, its names, the arguments it uses. */
export function fromFindings(input: CheckInput, report: Report): void {
  const { plan, file } = input;
  const names = new Set<string>();
  const defaults = defaultArguments(plan.globals, file.escape);
  for (const stage of plan.stages) {
    const { from, name } = stage;
    const [base = '', as = '', written = ''] = fields(from.rest);
    if (name !== undefined) {
      if (written !== name) report('StageNameCasing', from, written);
      if (reserved.has(name)) report('ReservedStageName', from, name);
      if (names.has(name)) report('DuplicateStageName', from, name);
      names.add(name);
      const word = wordOf(from);
      if ((word === 'from' && as !== 'as') || (word === 'FROM' && as !== 'AS')) report('FromAsCasing', from, word, as);
    }
    const known = [...platformNames(), ...plan.globalArguments.keys()];
    const words = [base, from.flags['platform'] ?? ''];
    for (const unknown of undefinedIn(words, (one) => plan.globalArguments.has(one) || isPredefined(one), file.escape))
      report('UndefinedArgInFrom', from, unknown, meant(unknown, known));
    if (!isReference(withDefaults(base, defaults, file.escape))) report('InvalidDefaultArgInFrom', from, base);
    platformFindings(stage, report);
    baseFindings(stage, input, report);
    describe(name === undefined ? [] : [name], from, input, report);
  }
  for (const argument of plan.globals) describeArguments(argument, input, report);
}

/** Values without those that the caller gives. */
function defaultArguments(globals: readonly Instruction[], escape: string): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const [name, value] of globals.flatMap((one) => argumentsOf(one, escape)))
    values.set(name, value === undefined ? '' : withDefaults(value, values, escape));
  return values;
}

function withDefaults(word: string, values: ReadonlyMap<string, string>, escape: string): string {
  try {
    return expand(word, (name) => values.get(name) ?? platformArguments(name), escape);
  } catch {
    // `${x:?needed}` says itself that there is no default.
    return 'needed';
  }
}

function isReference(text: string): boolean {
  try {
    parseReference(text);
    return true;
  } catch (error) {
    if (isKind(error, 'invalid')) return false;
    throw error;
  }
}

function platformFindings({ from, name = '' }: Stage, report: Report): void {
  const platform = from.flags['platform'];
  if (platform === undefined) return;
  if (/^\$(?:TARGETPLATFORM|\{TARGETPLATFORM\})$/.test(platform)) report('RedundantTargetPlatform', from, platform);
  if (platform.includes('$')) return;
  // A stage named after its system or processor is meant for that one: `AS tools_arm64`.
  if (!parsePlatform(platform).some((part) => name.includes(part))) report('FromPlatformFlagConstDisallowed', from, platform);
}

/** An image of this host that was made for another machine. */
function baseFindings(stage: Stage, { plan, contexts, platformOf }: CheckInput, report: Report): void {
  const isImage = stage.base !== 'scratch' && !contexts.has(stage.base.toLowerCase()) && !baseStage(plan.stages, stage);
  const actual = isImage && plan.needed.has(stage.index) ? platformOf(stage.base) : undefined;
  if (actual === undefined) return;
  const expected = parsePlatform(stage.platform).join('/');
  if (actual !== expected) report('InvalidBaseImagePlatform', stage.from, stage.base, actual, expected);
}

export function describeArguments(argument: Instruction, input: CheckInput, report: Report): void {
  const names = argumentsOf(argument, input.file.escape).map(([name]) => name);
  describe(names, argument, input, report);
}

/** A comment directly above describes: `# compile builds the server`. */
function describe(names: readonly string[], instruction: Instruction, { text }: CheckInput, report: Report): void {
  const line = (text.split(/\r?\n/)[instruction.line - 2] ?? '').trim();
  // A lone `#` parts a comment from the instruction, as an empty line does.
  if (names.length === 0 || !/^#./.test(line) || /^#\s*(?:syntax|escape|check)\s*=/i.test(line)) return;
  const [word = ''] = line.slice(1).trim().split(' ');
  const [only = '', ...more] = names;
  if (!names.includes(word)) report('InvalidDefinitionDescription', instruction, instruction.keyword, more.length > 0 ? '<arg_key>' : only);
}

import { fromFindings } from './check-from.ts';
import { checkRules } from './check-rules.ts';
import { continuationOf } from './dockerfile.ts';
import { stepFindings } from './check-steps.ts';
import { wordOf, type CheckInput, type Finding, type Report, type StageState } from './findings.ts';
import { baseStage, type Stage } from './stages.ts';

/** Everything that the rules say of a Dockerfile, by line. */
export function checkDockerfile(input: CheckInput): readonly Finding[] {
  const findings: Finding[] = [];
  const report: Report = (rule, { lines }, ...what) => {
    if (!input.settings.isJudged(rule)) return;
    const { say } = checkRules[rule] as { readonly say: (...words: readonly string[]) => string };
    const first = lines[0]?.number ?? 1;
    findings.push({ rule, message: say(...(what as readonly string[])), line: first, lastLine: lines.at(-1)?.number ?? first });
  };
  textFindings(input, report);
  fromFindings(input, report);
  const states = new Map<number, StageState>();
  for (const stage of input.plan.stages) states.set(stage.index, judgeStage(input, stage, states, report));
  return findings.toSorted((a, b) => a.line - b.line);
}

function judgeStage(input: CheckInput, stage: Stage, states: ReadonlyMap<number, StageState>, report: Report): StageState {
  const base = input.contexts.has(stage.base.toLowerCase()) ? undefined : baseStage(input.plan.stages, stage);
  const before = base && states.get(base.index);
  const state: StageState = before
    ? { ...before, declared: new Set(before.declared) }
    : { environment: baseEnvironment(input, stage), declared: new Set(), hasShell: false, hasWorkdir: false };
  stepFindings(input, stage, state, report);
  return state;
}

function baseEnvironment({ contexts, environmentOf }: CheckInput, { base }: Stage): ReadonlySet<string> | undefined {
  if (base === 'scratch') return new Set(['PATH']);
  return contexts.has(base.toLowerCase()) ? undefined : environmentOf(base);
}

/** Rules about the file as text. */
function textFindings({ file, plan, text }: CheckInput, report: Report): void {
  const lines = text.split(/\r?\n/);
  const isBlank = (number: number): boolean => number < lines.length && (lines[number - 1] ?? '').trim() === '';
  // ARG before the first FROM is not judged.
  const judged = new Set(plan.stages.flatMap((stage) => [stage.from, ...stage.instructions]));
  const consistent = [...judged].map(wordOf).filter((word) => word === word.toLowerCase() || word === word.toUpperCase());
  const lower = consistent.filter((word) => word === word.toLowerCase()).length;
  const casing = lower > consistent.length - lower ? 'lowercase' : 'uppercase';
  for (const instruction of file.instructions) {
    const word = wordOf(instruction);
    if (judged.has(instruction) && word !== (casing === 'lowercase' ? word.toLowerCase() : word.toUpperCase()))
      report('ConsistentInstructionCasing', instruction, word, casing);
    const own = new Set(instruction.lines.map(({ number }) => number));
    const last = instruction.lines.at(-1);
    if (!last) continue;
    const between = Array.from({ length: last.number - instruction.line }, (_, index) => instruction.line + index);
    const isOpen = continuationOf(file.escape).test(last.text);
    if (between.some((number) => !own.has(number) && isBlank(number)) || (isOpen && isBlank(last.number + 1)))
      report('NoEmptyContinuation', { lines: [last] });
  }
}

import { KindError } from '../../base/errors.ts';
import { checkSettingArgument, platformArguments, type BuildArguments } from './arguments.ts';
import type { BuildRun, StepState } from './build-run.ts';
import type { BuildRequest } from './builder.ts';
import { parseDockerfile, type Dockerfile } from './dockerfile.ts';
import { foreignSyntax } from './directives.ts';
import type { PlannedStep } from './events.ts';
import { parseInstruction, type Instruction } from './instruction.ts';
import { checkBuildPlatform } from './platform.ts';
import { refuseFindings, runChecks, type CheckReport } from './run-checks.ts';
import { StageRun } from './run-stage.ts';
import { planStages, type Plan, type Stage } from './stages.ts';

export interface PlannedBuild {
  readonly file: Dockerfile;
  readonly plan: Plan;
  readonly report: CheckReport;
}

/** Reads and checks the Dockerfile; nothing is built yet. */
export async function planBuild(run: BuildRun): Promise<PlannedBuild> {
  const { request, context, parts } = run;
  checkBuildPlatform(request.platform);
  const contexts = new Set(run.named.keys());
  const file = parseDockerfile(context.dockerfile);
  const plan = planStages(file, request.buildArgs, request.target, platformArguments, contexts);
  const report = await runChecks({ images: parts.images, context, buildArgs: request.buildArgs, contexts }, file, plan);
  run.usedArguments.add(checkSettingArgument);
  return { file, plan, report };
}

/** Builds the stages that the target needs, side by side; one waits for another only where it uses it. */
export async function buildStages(run: BuildRun, { file, plan, report }: PlannedBuild): Promise<StepState> {
  const { request } = run;
  refuseFindings(report);
  const stages = plan.stages.filter((stage) => plan.needed.has(stage.index));
  const instructionsOf = (stage: Stage): readonly Instruction[] =>
    stage === plan.target ? [...stage.instructions, ...labels(request)] : stage.instructions;
  const steps = planSteps(plan.globals, stages, instructionsOf);
  run.emit({ do: 'plan', steps });
  if (report.findings.length > 0) run.emit({ do: 'warn', report });
  const warning = foreignSyntax(file.syntax);
  if (warning !== undefined) run.emit({ do: 'say', text: warning });
  for (const step of steps.filter(({ stage }) => stage === undefined)) {
    run.emit({ do: 'begin', step: step.number });
    run.emit({ do: 'end', step: step.number, how: 'done' });
  }
  for (const name of plan.globalArguments.keys()) run.usedArguments.add(name);
  const done = new Map<number, Promise<StepState>>();
  const stateOf = (stage: Stage): Promise<StepState> => {
    const state = done.get(stage.index);
    // Triggers of an image are known only when it has come.
    if (!state)
      throw new KindError(
        'notImplemented',
        `a trigger of the base image copies from stage "${stage.name ?? stage.index}", which nothing in this file needs: copy from it in the file, too`,
      );
    return state;
  };
  const runs = new Map<number, StageRun>();
  const stageArguments = (stage: Stage): BuildArguments => {
    const stageRun = runs.get(stage.index);
    if (!stageRun) throw new Error(`stage ${stage.index} is not built`);
    return stageRun.arguments;
  };
  for (const stage of stages) {
    const own = steps.filter((step) => step.stage === stage.index);
    const stageRun = new StageRun({ run, plan, stage, escape: file.escape, steps: own, stateOf, argumentsOf: stageArguments });
    runs.set(stage.index, stageRun);
    done.set(stage.index, stageRun.all(instructionsOf(stage)));
  }
  return allOrFirstError(run, done, plan.target);
}

/** The first stage that fails stops the others; all have ended when this returns. */
async function allOrFirstError(run: BuildRun, done: ReadonlyMap<number, Promise<StepState>>, target: Stage): Promise<StepState> {
  const failures: unknown[] = [];
  await Promise.all(
    [...done.values()].map((state) =>
      state.then(
        () => undefined,
        (error: unknown) => {
          failures.push(error);
          run.stop();
        },
      ),
    ),
  );
  if (failures.length > 0) throw failures[0];
  const state = await done.get(target.index);
  if (!state) throw new KindError('internal', 'the target stage was not built');
  return state;
}

function planSteps(
  globals: readonly Instruction[],
  stages: readonly Stage[],
  instructionsOf: (stage: Stage) => readonly Instruction[],
): readonly PlannedStep[] {
  const planned = [
    ...globals.map((instruction) => ({ instruction, stage: undefined, stageName: undefined })),
    ...stages.flatMap((stage) =>
      [stage.from, ...instructionsOf(stage)].map((instruction) => ({ instruction, stage: stage.index, stageName: stage.name })),
    ),
  ];
  return planned.map(({ instruction: { text, line }, ...step }, index) => ({ number: index + 1, ...step, text, line }));
}

/** `--label` is a LABEL at the end of the target. */
function labels(request: BuildRequest): readonly Instruction[] {
  const entries = Object.entries(request.labels).sort(([a], [b]) => (a < b ? -1 : 1));
  if (entries.length === 0) return [];
  const quote = (text: string): string => `'${text.replaceAll("'", `'"'"'`)}'`;
  return [parseInstruction(`LABEL ${entries.map(([key, value]) => `${quote(key)}=${quote(value)}`).join(' ')}`, 0)];
}

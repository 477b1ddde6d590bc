import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { posix } from 'node:path';
import type { RunConfig } from '../../api/oci/image.ts';
import { digestOf, type Digest } from '../../base/digest.ts';
import { KindError, kindOf, messageOf } from '../../base/errors.ts';
import { newId } from '../../base/ids.ts';
import { bytesOf, Root } from '../../kernel/files.ts';
import type { CopyItem, CopyJob } from '../archive/copy-tree.ts';
import { runJob } from '../archive/run-job.ts';
import { BuildArguments } from './arguments.ts';
import { scratch, type BuildRun, type CachableStep, type StepState } from './build-run.ts';
import { environment } from './changes.ts';
import { runCopy } from './copy-step.ts';
import { parseDockerfile } from './dockerfile.ts';
import type { PlannedStep } from './events.ts';
import { joinedLists } from './file-list.ts';
import { parseInstruction, type Instruction } from './instruction.ts';
import { changeMetadata } from './metadata.ts';
import { mountLayers } from './mounted.ts';
import { ownerFiles, resolveOwner } from './owner.ts';
import { placeDetails, placeOf } from './place.ts';
import { checkBuildPlatform } from './platform.ts';
import { runCommand } from './run-command.ts';
import type { StepInputs } from './step-inputs.ts';
import { argumentsOf, baseStage, type Plan, type Stage } from './stages.ts';
import { expand, type Variables } from './words.ts';

const defaultPath = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** As dockerd does: a base image without PATH gets the default one, so that `ENV PATH=/opt/bin:$PATH` adds to something. */
function withPath(state: StepState): StepState {
  const env = state.config.Env ?? [];
  if (env.some((entry) => entry.startsWith('PATH='))) return state;
  return { ...state, config: { ...state.config, Env: [...env, defaultPath] } };
}

type DigestRules = Pick<CopyJob, 'owner' | 'mode' | 'exclude'>;

export interface StageOptions {
  readonly run: BuildRun;
  readonly plan: Plan;
  readonly stage: Stage;
  readonly escape: string;
  /** FROM, then one for each instruction. */
  readonly steps: readonly PlannedStep[];
  /** What another stage came to; waits for it. */
  readonly stateOf: (stage: Stage) => Promise<StepState>;
  /** The arguments of another stage that has ended. */
  readonly argumentsOf: (stage: Stage) => BuildArguments;
}

/** Runs the steps of one stage. */
export class StageRun {
  readonly run: BuildRun;
  readonly escape: string;
  readonly plan: Plan;
  readonly stage: Stage;
  readonly arguments: BuildArguments;
  readonly stateOf: StageOptions['stateOf'];
  readonly #argumentsOf: StageOptions['argumentsOf'];
  readonly #steps: readonly PlannedStep[];
  #step = 0;
  /** Variables that the present step has looked up. */
  #named = new Map<string, string>();
  state: StepState = scratch;
  /** An ENTRYPOINT drops the base image's CMD, but not one of this stage. */
  #hasOwnCommand = false;

  constructor(options: StageOptions) {
    this.run = options.run;
    this.plan = options.plan;
    this.stage = options.stage;
    this.escape = options.escape;
    this.stateOf = options.stateOf;
    this.#argumentsOf = options.argumentsOf;
    this.#steps = options.steps;
    this.arguments = new BuildArguments(options.run.request.buildArgs, options.plan.globalArguments, options.run.usedArguments);
  }

  async all(instructions: readonly Instruction[]): Promise<StepState> {
    await this.#told(this.#steps[0], this.stage.from, async () => {
      this.state = withPath(await this.#base());
      await this.#triggers();
    });
    for (const [index, instruction] of instructions.entries())
      await this.#told(this.#steps[index + 1], instruction, () => this.#carryOut(instruction));
    return this.state;
  }

  readonly variables: Variables = (name) => {
    const value = environment(this.state.config.Env ?? [])(name) ?? this.arguments.lookup(name);
    if (value !== undefined) this.#named.set(name, value);
    return value;
  };

  /** Values of the variables that the present instruction names. */
  named(): Readonly<Record<string, string>> | undefined {
    return this.#named.size === 0 ? undefined : Object.fromEntries(this.#named);
  }

  word(text: string): string {
    return expand(text, this.variables, this.escape);
  }

  readonly print = (text: string): void => this.run.emit({ do: 'print', step: this.#step, text });

  log(stream: 'stdout' | 'stderr', text: string): void {
    if (text !== '') this.run.emit({ do: 'log', step: this.#step, stream, text });
  }

  /** A new file below the build's directory. */
  written(name: string, content: string, mode: number): string {
    const path = `${this.directory()}/${name}`;
    writeFileSync(path, content, { mode });
    chmodSync(path, mode);
    return path;
  }

  /** A new directory below the build's. */
  directory(): string {
    const directory = `${this.run.directory}/${newId().slice(0, 12)}`;
    mkdirSync(directory);
    return directory;
  }

  /** Digest of files, by content; the list behind it is kept for `davit build why`. */
  async digest(root: string, items: readonly CopyItem[], options: DigestRules): Promise<Digest> {
    const { seen } = await runJob({ do: 'copy', from: root, items, ...options }, undefined, this.run.signal);
    if (!seen) throw new Error(`digest of files of ${root}: they were written instead`);
    this.run.lists.set(seen.digest, seen.list);
    return seen.digest;
  }

  /** Digest of files of several trees. */
  async digestOfAll(
    trees: readonly { readonly root: string; readonly items: readonly CopyItem[] }[],
    options: DigestRules,
  ): Promise<Digest> {
    const digests: Digest[] = [];
    for (const { root, items } of trees) digests.push(await this.digest(root, items, options));
    const [only] = digests;
    if (digests.length === 1 && only) return only;
    const whole = digestOf(digests.join(' '));
    this.run.lists.set(whole, joinedLists(digests.flatMap((digest) => this.run.lists.get(digest) ?? [])));
    return whole;
  }

  /** Goes on to the state that the step leads to, from the cache or by doing it. */
  async reach(instruction: Instruction, step: CachableStep): Promise<void> {
    const began = performance.now();
    const { inputs } = step;
    try {
      const { state, outcome } = await this.run.reach(this.state, { ...step, stageName: this.stage.name });
      this.state = state;
      this.#remember(instruction, inputs, outcome, began);
    } catch (error) {
      this.#remember(instruction, inputs, 'failed', began);
      throw error;
    }
  }

  /** What all steps depend on. */
  inputs(does: string, more: Partial<StepInputs> = {}): StepInputs {
    return { parent: this.state.imageId, does, ...(this.run.epoch !== undefined && { epoch: this.run.epoch }), ...more };
  }

  #remember(instruction: Instruction, inputs: StepInputs, outcome: 'hit' | 'miss' | 'failed', began: number): void {
    const { line, text } = instruction;
    const [stage, image, milliseconds] = [
      this.stage.index,
      outcome === 'failed' ? undefined : this.state.imageId,
      Math.round(performance.now() - began),
    ];
    this.run.records.push({ number: this.#step, stage, stageName: this.stage.name, line, text, inputs, outcome, image, milliseconds });
    this.#outcome = this.#outcome === undefined || outcome !== 'hit' ? outcome : this.#outcome;
  }

  #outcome: 'hit' | 'miss' | 'failed' | undefined;

  /** Tells of one step: begin, end and how. Errors get the place in the file. */
  async #told(step: PlannedStep | undefined, instruction: Instruction, act: () => Promise<void>): Promise<void> {
    if (!step) throw new Error(`${instruction.text} is not in the plan`);
    this.#step = step.number;
    this.#named = new Map();
    this.#outcome = undefined;
    this.run.checkCanceled();
    this.run.emit({ do: 'begin', step: step.number });
    try {
      await this.#located(instruction, act);
    } catch (error) {
      this.run.emit({ do: 'end', step: step.number, how: 'failed' });
      throw error;
    }
    this.run.emit({
      do: 'end',
      step: step.number,
      how: this.#outcome === 'hit' && instruction !== this.stage.from ? 'cached' : 'done',
      image: this.state.imageId,
    });
  }

  async #base(): Promise<StepState> {
    const { base, from, platform } = this.stage;
    checkBuildPlatform(platform);
    const named = this.run.named.get(base.toLowerCase());
    const stage = named ? undefined : baseStage(this.plan.stages, this.stage);
    const state = stage ? await this.stateOf(stage) : await this.#outerBase(base, named);
    if (stage) this.arguments.inherit(this.#argumentsOf(stage));
    const inputs: StepInputs = { parent: undefined, does: `FROM ${base}`, base: { name: base, id: state.imageId } };
    this.state = state;
    this.#remember(from, inputs, 'hit', performance.now());
    return state;
  }

  /** An image, or a named context: a directory becomes a layer over nothing. */
  async #outerBase(base: string, named: { readonly directory: string } | { readonly image: string } | undefined): Promise<StepState> {
    if (named && 'directory' in named) {
      const copy = parseInstruction(`COPY --from=${base} / /`, this.stage.from.line, { lines: this.stage.from.lines });
      await runCopy(this, copy);
      return this.state;
    }
    return this.run.base(named ? named.image : base, this.print);
  }

  /** ONBUILD instructions of the base image run at once and are not inherited. */
  async #triggers(): Promise<void> {
    const triggers = this.state.config.OnBuild ?? [];
    if (triggers.length === 0) return;
    this.print(`# Executing ${triggers.length} build trigger${triggers.length === 1 ? '' : 's'}\n`);
    this.state = { ...this.state, config: { ...this.state.config, OnBuild: undefined } };
    for (const trigger of triggers.flatMap((text) => parseDockerfile(text).instructions)) await this.#carryOut(trigger);
  }

  async #carryOut(instruction: Instruction): Promise<void> {
    const { keyword } = instruction;
    if (keyword === 'RUN') return runCommand(this, instruction);
    if (keyword === 'COPY' || keyword === 'ADD') return runCopy(this, instruction);
    if (keyword === 'WORKDIR') return this.#workdir(instruction);
    if (keyword === 'ARG') return this.#argument(instruction);
    if (keyword === 'MAINTAINER') {
      const author = instruction.json?.join(' ') ?? instruction.rest;
      return this.#metadata(instruction, this.state.config, `MAINTAINER ${author}`, { author });
    }
    const changed = changeMetadata(this.state.config, instruction, this.variables, this.escape, this.#hasOwnCommand);
    if (!changed) throw new KindError('notImplemented', `${keyword} is not implemented`);
    this.#hasOwnCommand ||= keyword === 'CMD';
    await this.#metadata(instruction, changed.config, changed.told, { pairs: changed.pairs });
  }

  /** ARG itself changes nothing: its value counts for the steps that use it. Those of one instruction see the ones before. */
  async #argument(instruction: Instruction): Promise<void> {
    for (const [name, value] of argumentsOf(instruction, this.escape))
      this.arguments.declare(name, value === undefined ? undefined : this.word(value));
    await this.#metadata(instruction, this.state.config, `ARG ${instruction.rest}`, {});
  }

  async #metadata(
    instruction: Instruction,
    config: RunConfig,
    what: string,
    { author, pairs }: { readonly author?: string; readonly pairs?: readonly (readonly [string, string])[] | undefined },
  ): Promise<void> {
    const told = `/bin/sh -c #(nop)  ${what}`;
    const named = this.named();
    const sets = instruction.keyword === 'ENV' && pairs ? { environment: Object.fromEntries(pairs) } : named && { arguments: named };
    const inputs = this.inputs(pairs ? `${instruction.keyword} ${JSON.stringify(pairs)}` : told, sets);
    await this.reach(instruction, { inputs, told, config, make: async () => ({ config, author }) });
  }

  /** Makes the directory where it is missing, for whoever USER names: that is a layer. */
  async #workdir(instruction: Instruction): Promise<void> {
    const { User: user = '', WorkingDir: before } = this.state.config;
    const path = posix.resolve(before || '/', this.word(instruction.rest));
    const config = { ...this.state.config, WorkingDir: path };
    const told = `/bin/sh -c #(nop) WORKDIR ${path}`;
    const named = this.named();
    const { snapshots, kernel } = this.run.parts;
    const make = async (): Promise<{ config: RunConfig; layer?: { diffId: Digest; bytes: number } }> => {
      await using mounted = await mountLayers(snapshots, kernel.mounts, this.state.layers);
      if (!makeDirectories(mounted.directory, path, user)) return { config };
      return { config, layer: await mounted.commit({ newest: this.run.epoch }) };
    };
    const inputs = this.inputs(user === '' ? told : `${told} for ${user}`, named && { arguments: named });
    await this.reach(instruction, { inputs, told, config, make });
  }

  /** Adds file, line and column of the instruction to what went wrong. */
  async #located(instruction: Instruction, act: () => Promise<void>): Promise<void> {
    try {
      return await act();
    } catch (error) {
      const kind = kindOf(error);
      const details = placeDetails(error);
      if (kind === 'canceled' || details?.line !== undefined) throw error;
      const place = { ...details, file: this.run.context.dockerfileName, ...placeOf(instruction.lines, details?.word) };
      throw new KindError(kind, messageOf(error), { cause: error, details: place });
    }
  }
}

function makeDirectories(directory: string, path: string, user: string): boolean {
  using root = new Root(directory);
  if (root.statTarget(bytesOf(path))?.isDirectory()) return false;
  const owner = user === '' ? undefined : resolveOwner(user, ownerFiles(root));
  return root.makeDirectories(bytesOf(path), 0o755, owner).length > 0;
}

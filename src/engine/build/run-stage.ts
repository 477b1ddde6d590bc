import { posix } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import type { RunConfig } from '../../api/oci/image.ts';
import { KindError, kindOf, messageOf } from '../../base/errors.ts';
import { newId, shortId } from '../../base/ids.ts';
import { bytesOf, Root } from '../../kernel/files.ts';
import { BuildArguments } from './arguments.ts';
import { cacheKey, scratch, type BuildRun, type StepState } from './build-run.ts';
import { environment } from './changes.ts';
import { runCopy } from './copy-step.ts';
import { parseInstruction, type Instruction } from './dockerfile.ts';
import { changeMetadata, shellForm } from './metadata.ts';
import { mountLayers } from './mounted.ts';
import { argumentsOf, findStage, type Plan, type Stage } from './stages.ts';
import { expand, type Variables } from './words.ts';

const defaultPath = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** As dockerd does: a base image without PATH gets the default one, so that `ENV PATH=/opt/bin:$PATH` adds to something. */
function withPath(state: StepState): StepState {
  const env = state.config.Env ?? [];
  if (env.some((entry) => entry.startsWith('PATH='))) return state;
  return { ...state, config: { ...state.config, Env: [...env, defaultPath] } };
}

/** Runs the steps of one stage. */
export class StageRun {
  readonly run: BuildRun;
  readonly escape: string;
  readonly #plan: Plan;
  readonly #stage: Stage;
  readonly #done: ReadonlyMap<number, StepState>;
  readonly #arguments: BuildArguments;
  state: StepState = scratch;
  /** An ENTRYPOINT drops the base image's CMD, but not one of this stage. */
  #hasOwnCommand = false;

  constructor(run: BuildRun, plan: Plan, stage: Stage, escape: string, done: ReadonlyMap<number, StepState>) {
    this.run = run;
    this.escape = escape;
    this.#plan = plan;
    this.#stage = stage;
    this.#done = done;
    this.#arguments = new BuildArguments(run.request.buildArgs, plan.globalArguments, run.usedArguments);
  }

  async all(instructions: readonly Instruction[]): Promise<StepState> {
    this.run.announce(this.#stage.from.text);
    this.state = withPath(await this.#located(this.#stage.from, () => this.#base()));
    await this.#triggers();
    for (const instruction of instructions) {
      this.run.announce(instruction.text);
      await this.#located(instruction, () => this.#step(instruction));
    }
    return this.state;
  }

  readonly variables: Variables = (name) => environment(this.state.config.Env ?? [])(name) ?? this.#arguments.lookup(name);

  word(text: string): string {
    return expand(text, this.variables, this.escape);
  }

  /** The tree that `--from` names: an earlier stage or an image. */
  async source(name: string): Promise<StepState> {
    const stage = findStage(this.#plan.stages, name, this.#stage.index);
    const done = stage && this.#done.get(stage.index);
    if (done) return done;
    if (/^\d+$/.test(name)) throw new KindError('invalid', `invalid from flag value ${name}: refers to current build stage`);
    return this.run.base(name);
  }

  async #base(): Promise<StepState> {
    const { platform } = this.#stage.from.flags;
    if (platform !== undefined && !/^linux(?:\/|$)|\$/.test(platform))
      throw new KindError('notImplemented', `FROM --platform=${platform}: only linux images of this machine's architecture can be built`);
    const stage = /^\d+$/.test(this.#stage.base) ? undefined : findStage(this.#plan.stages, this.#stage.base, this.#stage.index);
    const done = stage && this.#done.get(stage.index);
    if (!done) return this.run.base(this.#stage.base);
    if (done.imageId !== undefined) this.run.print(` ---> ${shortId(done.imageId)}\n`);
    return done;
  }

  /** ONBUILD instructions of the base image run at once and are not inherited. */
  async #triggers(): Promise<void> {
    const triggers = this.state.config.OnBuild ?? [];
    if (triggers.length === 0) return;
    this.run.print(`# Executing ${triggers.length} build trigger${triggers.length === 1 ? '' : 's'}\n`);
    this.state = { ...this.state, config: { ...this.state.config, OnBuild: undefined } };
    for (const trigger of triggers) {
      const instruction = parseInstruction(trigger, this.#stage.from.line);
      await this.#located(instruction, () => this.#step(instruction));
    }
  }

  async #step(instruction: Instruction): Promise<void> {
    const { keyword } = instruction;
    if (keyword === 'RUN') return this.#runCommand(instruction);
    if (keyword === 'COPY' || keyword === 'ADD') {
      this.state = await runCopy(this, instruction);
      return;
    }
    if (keyword === 'WORKDIR') return this.#workdir(instruction);
    if (keyword === 'ARG') return this.#argument(instruction);
    if (keyword === 'MAINTAINER') return this.#commitMetadata(this.state.config, `MAINTAINER ${instruction.rest}`, instruction.rest);
    const changed = changeMetadata(this.state.config, instruction, this.variables, this.escape, this.#hasOwnCommand);
    if (!changed) throw new KindError('notImplemented', `${keyword} is not implemented`);
    this.#hasOwnCommand ||= keyword === 'CMD';
    await this.#commitMetadata(changed.config, changed.told);
  }

  async #argument(instruction: Instruction): Promise<void> {
    for (const [name, value] of argumentsOf(instruction, this.escape))
      this.#arguments.declare(name, value === undefined ? undefined : this.word(value));
    await this.#commitMetadata(this.state.config, `ARG ${instruction.rest}`);
  }

  async #commitMetadata(config: RunConfig, what: string, author?: string): Promise<void> {
    const told = `/bin/sh -c #(nop)  ${what}`;
    const key = cacheKey(this.state, told, config);
    this.state = this.run.cached(key) ?? (await this.run.commit(this.state, key, { config, told, author }));
  }

  /** Makes the directory where it is missing: that is a layer. */
  async #workdir(instruction: Instruction): Promise<void> {
    const path = posix.resolve(this.state.config.WorkingDir || '/', this.word(instruction.rest));
    const config = { ...this.state.config, WorkingDir: path };
    const told = `/bin/sh -c #(nop) WORKDIR ${path}`;
    const key = cacheKey(this.state, told);
    const cached = this.run.cached(key);
    if (cached) {
      this.state = cached;
      return;
    }
    await using mounted = await mountLayers(this.run.options.snapshots, this.run.options.kernel.mounts, this.state.layers);
    const made = makeDirectories(mounted.directory, path);
    const layer = made ? (await mounted.commit()).diffId : undefined;
    this.state = await this.run.commit(this.state, key, { config, told, layer });
  }

  async #runCommand(instruction: Instruction): Promise<void> {
    const { request, options, signal } = this.run;
    const { mount, network, security } = instruction.flags;
    if (mount !== undefined || security !== undefined)
      throw new KindError(
        'notImplemented',
        `RUN --${mount === undefined ? 'security' : 'mount'} needs BuildKit, which davit does not have; leave the flag out`,
      );
    const { config } = this.state;
    const args = instruction.json ?? shellForm(config, withHeredocs(instruction));
    const declared = this.#arguments.forRun(config.Env ?? []);
    const shown = instruction.json ? args : args.map((arg) => arg.trimEnd());
    const told = [...(declared.length === 0 ? [] : [`|${declared.length}`, ...declared]), ...shown].join(' ');
    const key = cacheKey(this.state, 'RUN', args, declared, network ?? request.network ?? '');
    const cached = this.run.cached(key);
    if (cached) {
      this.state = cached;
      return;
    }
    const id = newId();
    const [out, err] = [new StringDecoder('utf8'), new StringDecoder('utf8')];
    this.run.print(` ---> Running in ${shortId(id)}\n`);
    const env = [...(config.Env ?? []), ...declared, ...this.#arguments.proxies()];
    const result = await options.steps.run(
      {
        id,
        layers: this.state.layers,
        args,
        env: env.some((entry) => entry.startsWith('PATH=')) ? env : [defaultPath, ...env],
        user: config.User ?? '',
        workingDirectory: config.WorkingDir || '/',
        network: network ?? request.network ?? 'default',
        extraHosts: request.extraHosts ?? [],
        limits: request.limits ?? {},
        shmBytes: request.shmBytes,
        config,
      },
      (stream, data) => this.run.print((stream === 'stdout' ? out : err).write(data)),
      signal,
    );
    this.run.print(` ---> Removed intermediate container ${shortId(id)}\n`);
    if (result.exitCode !== 0 || !result.layer) {
      throw new KindError('invalid', `The command '${args.join(' ')}' returned a non-zero code: ${result.exitCode}`, {
        details: { exitCode: result.exitCode, file: this.run.context.dockerfileName, line: instruction.line },
      });
    }
    this.state = await this.run.commit(this.state, key, { config, told, layer: result.layer.diffId });
  }

  /** Adds file, line and text of the instruction to what went wrong. */
  async #located<T>(instruction: Instruction, act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      const kind = kindOf(error);
      const details = error instanceof KindError ? error.details : undefined;
      if (kind === 'canceled' || (typeof details === 'object' && details !== null && 'line' in details)) throw error;
      const place = { file: this.run.context.dockerfileName, line: instruction.line };
      throw new KindError(kind, `${messageOf(error)} (${place.file}:${place.line}: ${instruction.text})`, { cause: error, details: place });
    }
  }
}

/** A script given as here-document is the shell's, delimiter and all; one that is nothing else is the whole command. */
function withHeredocs(instruction: Instruction): string {
  const { rest, heredocs } = instruction;
  if (heredocs.length === 0) return rest;
  if (heredocs.length === 1 && /^<<-?(['"]?)[\w.]+\1$/.test(rest)) return heredocs[0]?.content ?? '';
  return `${rest}\n${heredocs.map(({ content, name }) => `${content}${name}\n`).join('')}`;
}

function makeDirectories(directory: string, path: string): boolean {
  using root = new Root(directory);
  return root.makeDirectories(bytesOf(path)).length > 0;
}

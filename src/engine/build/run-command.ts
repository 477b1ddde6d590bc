import { StringDecoder } from 'node:string_decoder';
import { KindError } from '../../base/errors.ts';
import { newId, shortId } from '../../base/ids.ts';
import type { StepResultState } from './build-run.ts';
import type { Instruction } from './instruction.ts';
import { shellForm } from './metadata.ts';
import { parseMount } from './mount-spec.ts';
import { openRunMounts, type RunMounts } from './run-mounts.ts';
import type { StageRun } from './run-stage.ts';

const defaultPath = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Lines of a failed command that its error repeats. */
const lastLines = 12;

/** RUN: a container over the layers so far; what it wrote becomes a layer. */
export async function runCommand(stage: StageRun, instruction: Instruction): Promise<void> {
  const network = networkOf(stage, instruction);
  await using script = scriptOf(stage, instruction);
  const specs = (instruction.lists['mount'] ?? []).map((text) => parseMount(text, (word) => stage.word(word)));
  await using mounts = await openRunMounts(stage, specs);
  const { config } = stage.state;
  const declared = stage.arguments.forRun(config.Env ?? []);
  const shown = instruction.json ? script.args : script.args.map((arg) => arg.trimEnd());
  const told = [...(declared.length === 0 ? [] : [`|${declared.length}`, ...declared]), ...shown].join(' ');
  const inputs = stage.inputs(['RUN', JSON.stringify(script.args), script.content ?? ''].join(' '), {
    ...(declared.length > 0 && { arguments: Object.fromEntries(declared.map(nameAndValue)) }),
    ...(network !== 'default' && { network }),
    ...(specs.length > 0 && { mounts: mounts.inputs }),
  });
  const make = (): Promise<StepResultState> => execute(stage, { args: script.args, declared, network, mounts, file: script.file });
  await stage.reach(instruction, { inputs, told, config, make });
}

interface Command {
  readonly args: readonly string[];
  readonly declared: readonly string[];
  readonly network: string;
  readonly mounts: RunMounts;
  readonly file: ScriptFile | undefined;
}

async function execute(stage: StageRun, { args, declared, network, mounts, file }: Command): Promise<StepResultState> {
  const { request, parts, signal, epoch } = stage.run;
  const { config, layers } = stage.state;
  const id = newId();
  const prepared = await mounts.prepare();
  const env = [...(config.Env ?? []), ...declared, ...stage.arguments.proxies(), ...prepared.env];
  const output = new CommandOutput(stage);
  stage.print(` ---> Running in ${shortId(id)}\n`);
  const result = await parts.steps.run(
    {
      id,
      layers,
      args,
      env: env.some((entry) => entry.startsWith('PATH=')) ? env : [defaultPath, ...env],
      user: config.User ?? '',
      workingDirectory: config.WorkingDir || '/',
      ...(epoch !== undefined && { hostname: 'davit-build', newest: epoch }),
      network,
      extraHosts: request.extraHosts ?? [],
      limits: request.limits ?? {},
      ...(request.ulimits && { ulimits: request.ulimits }),
      shmBytes: request.shmBytes,
      mounts: [
        ...prepared.mounts,
        ...(file ? [{ type: 'bind' as const, source: file.source, target: file.target, readOnly: true, propagation: 'rprivate' }] : []),
      ],
      config,
    },
    (stream, data) => output.take(stream, data),
    signal,
  );
  stage.print(` ---> Removed intermediate container ${shortId(id)}\n`);
  if (result.exitCode === 0 && result.layer) return { config, layer: result.layer };
  throw new KindError('invalid', `The command '${args.join(' ')}' returned a non-zero code: ${result.exitCode}`, {
    details: { exitCode: result.exitCode, output: output.last() },
  });
}

/** Passes on what a command says, and remembers the end of it. */
class CommandOutput {
  readonly #stage: StageRun;
  readonly #decoders = { stdout: new StringDecoder('utf8'), stderr: new StringDecoder('utf8') };
  #tail = '';

  constructor(stage: StageRun) {
    this.#stage = stage;
  }

  take(stream: 'stdout' | 'stderr', data: Buffer): void {
    const text = this.#decoders[stream].write(data);
    this.#stage.log(stream, text);
    this.#tail = (this.#tail + text).slice(-8192);
  }

  last(): readonly string[] {
    return this.#tail.trimEnd().split('\n').slice(-lastLines);
  }
}

function networkOf(stage: StageRun, { flags }: Instruction): string {
  if (flags['security'] !== undefined && flags['security'] !== 'sandbox')
    throw new KindError(
      'notImplemented',
      `RUN --security=${flags['security']} is not supported by this engine: steps never run privileged`,
      {
        details: { word: '--security' },
      },
    );
  const network = flags['network'] === undefined ? undefined : stage.word(flags['network']);
  if (network !== undefined && !['default', 'none', 'host'].includes(network))
    throw new KindError('invalid', `unsupported network mode "${network}": want default, none or host`, { details: { word: '--network' } });
  return network === undefined || network === 'default' ? (stage.run.request.network ?? 'default') : network;
}

interface ScriptFile {
  readonly source: string;
  readonly target: string;
}

interface Script extends AsyncDisposable {
  readonly args: readonly string[];
  /** A here-document with a `#!` line is a program of its own. */
  readonly file: ScriptFile | undefined;
  readonly content: string | undefined;
}

/** A script given as here-document is the shell's, delimiter and all; one that is nothing else is the whole command. */
function scriptOf(stage: StageRun, instruction: Instruction): Script {
  const { json, rest, heredocs } = instruction;
  const { config } = stage.state;
  const plain = (args: readonly string[]): Script => ({
    args,
    file: undefined,
    content: undefined,
    [Symbol.asyncDispose]: async () => undefined,
  });
  if (instruction.lists['device']) throw new KindError('notImplemented', 'RUN --device is not supported by this engine');
  if (json) return plain(json);
  const [heredoc] = heredocs;
  if (!heredoc) return plain(shellForm(config, rest));
  if (heredocs.length > 1 || !/^<<-?(?:\w+|"\w+"|'\w+')$/.test(rest))
    return plain(shellForm(config, `${rest}\n${heredocs.map(({ content, name }) => `${content}${name}\n`).join('')}`));
  if (!heredoc.content.startsWith('#!')) return plain(shellForm(config, heredoc.content));
  const target = `/dev/pipes/${heredoc.name}`;
  return { ...plain([target]), file: { source: stage.written(heredoc.name, heredoc.content, 0o755), target }, content: heredoc.content };
}

function nameAndValue(entry: string): readonly [string, string] {
  const equals = entry.indexOf('=');
  return [entry.slice(0, equals), entry.slice(equals + 1)];
}

import { Option, type Command } from 'commander';
import { KindError } from '../base/errors.ts';
import type { Config } from '../daemon/config.ts';
import type { BuildFlags } from './build/build-query.ts';

type Verb = (name: string, description: string, example: string, parent?: Command) => Command;
type Given = BuildFlags & Readonly<Record<string, unknown>>;
type ConfigOf = (flags: Readonly<Record<string, unknown>>) => Partial<Config>;

const json = (): Option => new Option('--output <format>', 'output format').choices(['text', 'json']).default('text');
const each = (value: string, before: readonly string[] | undefined): readonly string[] => [...(before ?? []), value];

/** `davit build`, `davit build why`, `davit image explain`. */
export function addBuildCommands(verb: Verb, configOf: ConfigOf): void {
  const build = verb('build', 'Build an image from a Dockerfile', 'davit build -t app --secret id=token,env=TOKEN .');
  build.argument('[path]', 'directory, URL, or - for a tar or Dockerfile on standard input', '.');
  addFlags(build).action(async (path: string, flags: Given) => (await import('./build.ts')).build(path, configOf(flags), flags));
  verb('why', 'Tell for each step of a build whether it was cached, and what changed if not', 'davit build why app', build)
    .argument('[build]', 'a name, an image ID, or last', 'last')
    .addOption(json())
    .action(async (reference: string, flags: Readonly<Record<string, unknown>> & { output: 'text' | 'json' }) =>
      (await import('./build-why.ts')).buildWhy(reference, configOf(flags), flags.output),
    );
  const image = verb('image', 'Look into images', 'davit image explain app /etc/passwd');
  verb(
    'explain',
    'Tell which layer and step of an image last wrote a path, and what that hides',
    'davit image explain app /etc/passwd',
    image,
  )
    .argument('<image>', 'name or ID')
    .argument('<path>', 'path in the image')
    .addOption(json())
    .action(async (name: string, path: string, flags: Readonly<Record<string, unknown>> & { output: 'text' | 'json' }) =>
      (await import('./image-explain.ts')).imageExplain(name, path, configOf(flags), flags.output),
    );
}

function outputFormat(text: string): string {
  if (text === 'text' || text === 'json') return text;
  throw new KindError(
    'notImplemented',
    `--output ${text}: a build makes an image, not files; take them from it with docker create and docker cp`,
  );
}

/** docker build's flags. */
function addFlags(command: Command): Command {
  return command
    .option('-t, --tag <name>', 'name of the image (repeatable)', each)
    .option('-f, --file <path>', 'Dockerfile; - for standard input (default: PATH/Dockerfile)')
    .option('--target <stage>', 'stage to build')
    .option('--build-arg <name=value>', 'value of an ARG; a name alone takes the environment’s (repeatable)', each)
    .option('--build-context <name=what>', 'directory, docker-image://IMAGE or URL that FROM and --from can name (repeatable)', each)
    .option('--label <name=value>', 'label of the image (repeatable)', each)
    .option('--secret <id=…,src=…>', 'file or, with env=NAME, variable for RUN --mount=type=secret (repeatable)', each)
    .option('--ssh <id[=…]>', 'keys for RUN --mount=type=ssh: default, id=SOCKET of an agent, or id=KEY[,KEY…] (repeatable)', each)
    .option('--check', 'check the Dockerfile and build nothing')
    .option('--no-cache', 'build every step again')
    .addOption(new Option('--no-cache-filter <stage>', 'build the steps of a stage again (repeatable)').default([], 'none').argParser(each))
    .option('--pull', 'look for newer base images')
    .option('--cache-from <image>', 'image whose steps count as cached (repeatable)', each)
    .option('--network <mode>', 'network of RUN: default, none, host')
    .option('--add-host <name:address>', 'line of /etc/hosts during the build (repeatable)', each)
    .option('--ulimit <name=soft[:hard]>', 'limit of processes in RUN (repeatable)', each)
    .option('-m, --memory <bytes>', 'memory limit of RUN')
    .option('--memory-swap <bytes>', 'memory and swap together; -1: no limit')
    .option('-c, --cpu-shares <weight>', 'CPU weight of RUN')
    .option('--cpu-period <µs>', 'CPU period')
    .option('--cpu-quota <µs>', 'CPU time in each period')
    .option('--cpuset-cpus <list>', 'CPUs that RUN may use')
    .option('--cpuset-mems <list>', 'memory nodes that RUN may use')
    .option('--shm-size <bytes>', 'size of /dev/shm')
    .option('--platform <platform>', 'this machine’s alone')
    .option('--squash', 'not supported')
    .addOption(new Option('--progress <how>', 'how progress is shown').choices(['auto', 'plain', 'tty', 'quiet']).default('auto'))
    .option('-q, --quiet', 'print the image’s ID alone')
    .option('--iidfile <file>', 'write the image’s ID to a file')
    .addOption(new Option('-o, --output <format>', 'output format: text, json').default('text').argParser(outputFormat));
}

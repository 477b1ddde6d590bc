import { Command, CommanderError, Option } from 'commander';
import { KindError, messageOf } from '../base/errors.ts';
import { version } from '../daemon/version.ts';
import { configFlags, type Flags, withAuditOptions, withConfigOptions, withStoreOptions } from './config-options.ts';
import { addBuildCommands } from './build-commands.ts';
import { addHistory, addWhy } from './why-commands.ts';
import { paint } from './paint.ts';
import { addStoreCommand } from './store.ts';

/** Exit codes: 0 done, 1 failed, 2 wrong usage. */
export async function runCli(argv: readonly string[]): Promise<number> {
  const program = createProgram();
  try {
    await program.parseAsync(argv, { from: 'user' });
    return process.exitCode === undefined ? 0 : Number(process.exitCode);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    process.stderr.write(`${paint('red', 'davit:', process.stderr)} ${messageOf(error)}\n`);
    if (!(error instanceof KindError) && process.env['DAVIT_DEBUG']) process.stderr.write(`${String((error as Error).stack)}\n`);
    return 1;
  }
}

/** The whole command tree; each verb's code is loaded when it runs. */
export function createProgram(): Command {
  const program = new Command('davit')
    .description('A container engine and a Kubernetes-compatible cluster, driven by docker and kubectl.')
    .enablePositionalOptions()
    .showHelpAfterError('(add --help for the flags and examples)')
    .exitOverride();
  const verb = (name: string, description: string, example: string, parent = program): Command =>
    withConfigOptions(parent.command(name).description(description).addHelpText('after', `\nExample:\n  ${example}`));
  const json = (): Option => new Option('--output <format>', 'output format').choices(['text', 'json']).default('text');

  withAuditOptions(
    withStoreOptions(
      verb('up', 'Start davit and wait until the node is Ready', 'davit up && eval "$(davit env)" && docker ps && kubectl get nodes'),
    ),
  ).action(async (flags: Flags) => (await import('./up.ts')).up(configFlags(flags)));
  verb('down', 'Stop davit and its containers; take its links, rules and mounts off the host', 'davit down --purge')
    .option('--purge', 'also delete images, volumes, the cluster and every other file of davit')
    .option('--keep-containers', 'stop only the davit processes; containers go on')
    .action(async (flags: Flags & { purge?: boolean; keepContainers?: boolean }) =>
      (await import('./down.ts')).down(configFlags(flags), flags),
    );
  verb('status', "List davit's processes: role, pid, sockets, health", 'davit status --output json')
    .addOption(json())
    .action(async (flags: Flags & { output: 'text' | 'json' }) => (await import('./status.ts')).status(configFlags(flags), flags.output));
  verb('env', 'Print the exports that point docker and kubectl at davit', 'eval "$(davit env)"').action(async (flags: Flags) =>
    (await import('./env.ts')).env(configFlags(flags)),
  );
  verb('doctor', 'Check what this machine offers and say what to do about what is missing', 'davit doctor')
    .addOption(json())
    .action(async (flags: Flags & { output: 'text' | 'json' }) => (await import('./doctor.ts')).doctor(flags.output));
  verb('base', "Make a base image from this machine's Debian mirror, where no registry can be reached", 'davit base debian:bookworm-slim')
    .argument('<name>', 'debian:<suite> or debian:<suite>-slim')
    .option('--force', 'make it anew even if the image is there')
    .action(async (name: string, flags: Flags & { force?: boolean }) =>
      (await import('./base.ts')).base(name, configFlags(flags), { force: flags.force === true }),
    );
  addBuildCommands(verb, configFlags);
  verb('ports', 'Show who can reach each published port, and which rule decides', 'davit ports')
    .addOption(json())
    .action(async (flags: Flags & { output: 'text' | 'json' }) => (await import('./ports.ts')).ports(configFlags(flags), flags.output));
  addHistory(program, configFlags);
  addWhy(program, configFlags);
  program
    .command('version')
    .description('Print the version')
    .addOption(json())
    .action((flags: { output: 'text' | 'json' }) => {
      process.stdout.write(flags.output === 'json' ? `${JSON.stringify({ version, node: process.version })}\n` : `davit ${version}\n`);
    });
  program
    .command('completion')
    .description('Print a completion script')
    .argument('<shell>', 'bash or zsh')
    .addHelpText('after', '\nExample:\n  source <(davit completion bash)')
    .action(async (shell: string) => (await import('./completion.ts')).completion(shell, program));
  addStoreCommand(program);
  addRoles(verb);
  return program;
}

/** The processes that `davit up` starts, to be run in the foreground. */
function addRoles(verb: (name: string, description: string, example: string) => Command): void {
  withStoreOptions(
    verb(
      'server',
      'Run the control plane in the foreground (davit up starts it)',
      'davit server --store=etcd --etcd-endpoints=https://127.0.0.1:2379 --etcd-cafile=ca.crt --etcd-certfile=davit.crt --etcd-keyfile=davit.key',
    ),
  ).action(async (flags: Flags) => (await import('../daemon/server.ts')).runServer(configFlags(flags)));
  verb('node', 'Run engine and node agent in the foreground (davit up starts it)', 'davit node').action(async (flags: Flags) =>
    (await import('../daemon/node.ts')).runNode(configFlags(flags)),
  );
  verb('engine', 'Run the container engine alone in the foreground: docker without a cluster', 'davit engine').action(
    async (flags: Flags) => (await import('../daemon/node.ts')).runEngine(configFlags(flags)),
  );
}

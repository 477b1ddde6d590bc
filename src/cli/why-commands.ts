import { type Command, Option } from 'commander';
import type { Config } from '../daemon/config.ts';
import { type Flags, withConfigOptions } from './config-options.ts';
import type { HistoryFlags } from './history.ts';

interface WhyOptions {
  readonly namespace: string;
  readonly output: 'text' | 'json';
}

/** `davit why …` */
export function addWhy(program: Command, configFlags: (flags: Flags) => Partial<Config>): void {
  const why = program.command('why').description('Say why something waits, and the smallest change that helps').exitOverride();
  withConfigOptions(
    why.command('pod').description('Why a pod has no node').addHelpText('after', '\nExample:\n  davit why pod web-0 -n shop'),
  )
    .argument('<name>', 'name of the pod')
    .option('-n, --namespace <name>', 'its namespace', 'default')
    .addOption(new Option('--output <format>', 'output format').choices(['text', 'json']).default('text'))
    .action(async (name: string, flags: Flags & WhyOptions) => (await import('./why.ts')).whyPod(name, configFlags(flags), flags));
  withConfigOptions(why.command('stuck'))
    .description('What blocks a deletion, a roll-out or a start: what waits for what, and the one command that clears it')
    .argument('<kind/name>', 'as kubectl names it: deploy/web, pod/web-0, pvc/data, namespace/shop, …')
    .option('-n, --namespace <name>', 'its namespace', 'default')
    .addOption(new Option('--output <format>', 'output format').choices(['text', 'json']).default('text'))
    .addHelpText('after', '\nExamples:\n  davit why stuck deploy/web -n shop\n  davit why stuck namespace/shop')
    .action(async (target: string, flags: Flags & WhyOptions) => (await import('./why.ts')).stuckObject(target, configFlags(flags), flags));
  withConfigOptions(why.command('connect'))
    .description('Follow a connection link by link, try it for real, and say what is wrong and what to do')
    .argument('<from>', 'a container, or "host"')
    .argument('<to:port>', 'a name or an address, and a TCP port')
    .addOption(new Option('--output <format>', 'output format').choices(['text', 'json']).default('text'))
    .addHelpText('after', '\nExample:\n  davit why connect web db:5432')
    .action(async (from: string, to: string, flags: Flags & { output: 'text' | 'json' }) =>
      (await import('./why-connect.ts')).whyConnect(from, to, configFlags(flags), flags.output),
    );
}

/** `davit history …` */
export function addHistory(program: Command, configFlags: (flags: Flags) => Partial<Config>): void {
  withConfigOptions(program.command('history'))
    .description('Show what was done to an object and to what was made for it, by whom and why')
    .argument('<kind/name>', 'as kubectl names it: deploy/web, pod/web-0, node/n1, …; also what is long gone')
    .option('-n, --namespace <name>', 'its namespace', 'default')
    .option('--since <time>', 'only what is newer: a duration (90s, 15m, 2h, 3d) or a time (RFC 3339)')
    .option('--all', 'writes of status too')
    .addOption(new Option('--output <format>', 'output format').choices(['text', 'json']).default('text'))
    .addHelpText('after', '\nExamples:\n  davit history deploy/web -n shop\n  davit history pod/web-5d9c-x2x4z --since 2h --output json')
    .action(async (target: string, flags: Flags & HistoryFlags) =>
      (await import('./history.ts')).history(target, configFlags(flags), flags),
    );
}

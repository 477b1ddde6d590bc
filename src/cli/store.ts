import { statSync } from 'node:fs';
import { type Command, Option } from 'commander';
import type { Config } from '../daemon/config.ts';
import { machineConfig } from '../daemon/load.ts';
import type { Backend } from '../daemon/store-upkeep.ts';
import { configFlags, type Flags, withConfigOptions, withStoreOptions } from './config-options.ts';
import { paint } from './paint.ts';

/** `davit store …`: the upkeep of where the cluster is kept. */
export function addStoreCommand(program: Command): void {
  const store = program
    .command('store')
    .description('Snapshot, restore, move, compact the store that the cluster is kept in')
    .exitOverride();
  const verb = (name: string, description: string, ...examples: readonly string[]): Command => {
    const help = examples.map((example) => `\n  ${example}`).join('');
    return withStoreOptions(withConfigOptions(store.command(name).description(description).addHelpText('after', `\nExamples:${help}`)));
  };
  const backend = (flags: string, text: string): Option => new Option(flags, text).choices(['embedded', 'etcd']).makeOptionMandatory();

  verb(
    'snapshot',
    'Write everything to one file; with etcd also while davit runs',
    'davit store snapshot cluster.snapshot',
    'davit store snapshot cluster.snapshot --store=etcd --etcd-endpoints=http://127.0.0.1:2379',
  )
    .argument('<file>', 'the file to make')
    .action((file: string, flags: Flags) => snapshot(file, flags));
  verb(
    'restore',
    'Make the store hold what a snapshot holds; davit must be down',
    'davit down --keep-containers && davit store restore cluster.snapshot --force && davit up',
  )
    .argument('<file>', 'a file that `davit store snapshot` made')
    .option('--force', 'replace what the store holds')
    .action((file: string, flags: Flags) => restore(file, flags));
  verb(
    'import',
    'Copy the cluster from one kind of store to the other; davit must be down',
    'davit store import --from=embedded --to=etcd --etcd-endpoints=http://127.0.0.1:2379',
    'davit store import --from=etcd --to=embedded --etcd-endpoints=http://127.0.0.1:2379 --force',
  )
    .addOption(backend('--from <kind>', 'where the cluster is'))
    .addOption(backend('--to <kind>', 'where it is to be'))
    .option('--force', 'replace what is there')
    .action((flags: Flags) => importAll(flags));
  verb('compact', 'Forget all history: watches from before it expire', 'davit store compact').action((flags: Flags) => compact(flags));
  verb('defragment', 'Give the disk back what history took; each etcd member is deaf meanwhile', 'davit store defragment').action(
    (flags: Flags) => defragment(flags),
  );
}

async function snapshot(file: string, flags: Flags): Promise<void> {
  const { snapshotStore } = await import('../daemon/store-upkeep.ts');
  const { entries, revision } = await snapshotStore(configOf(flags), file, showProgress('snapshot'));
  step(`${file}: ${entries.length} objects at revision ${revision}, ${megabytes(statSync(file).size)}`);
}

async function restore(file: string, flags: Flags): Promise<void> {
  const { restoreStore } = await import('../daemon/store-upkeep.ts');
  const { entries } = await restoreStore(configOf(flags), file, flags['force'] === true, showProgress('restore'));
  step(`restored ${entries.length} objects`);
}

async function importAll(flags: Flags): Promise<void> {
  const { importStore } = await import('../daemon/store-upkeep.ts');
  const { from, to } = flags as { from: Backend; to: Backend };
  const config = configOf({ ...flags, store: 'etcd' });
  const { entries } = await importStore(config, { from, to, isForced: flags['force'] === true }, showProgress('import'));
  step(`imported ${entries.length} objects from ${from} to ${to}`);
}

async function compact(flags: Flags): Promise<void> {
  const { compactStore } = await import('../daemon/store-upkeep.ts');
  step(`compacted up to revision ${await compactStore(configOf(flags))}`);
}

async function defragment(flags: Flags): Promise<void> {
  const { defragmentStore } = await import('../daemon/store-upkeep.ts');
  for (const { endpoint, before, after } of await defragmentStore(configOf(flags))) {
    step(`${endpoint}: ${megabytes(before)} before, ${megabytes(after)} now`);
  }
}

function configOf(flags: Flags): Config {
  return machineConfig(configFlags(flags));
}

/** On a terminal, one line that counts. */
function showProgress(doing: string): (done: number, all: number) => void {
  if (!process.stderr.isTTY) return () => undefined;
  return (done, all) => {
    if (done % 1000 === 0 || done === all)
      process.stderr.write(`\r\u001B[K  … ${doing}: ${done} of ${all} objects${done === all ? '\r\u001B[K' : ''}`);
  };
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

function step(text: string): void {
  process.stdout.write(`${paint('green', '✓', process.stdout)} ${text}\n`);
}

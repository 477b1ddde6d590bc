import { stripVTControlCharacters } from 'node:util';
import { fileURLToPath } from 'node:url';
import { CommandFailed, run } from './command.ts';
import { DemoError } from './demo-error.ts';
import type { Report } from './progress.ts';

const launcher = fileURLToPath(new URL('../../bin/davit', import.meta.url));

/** Runs the launcher; its lines show as the row's detail, its error is already what was wrong and what to do. */
export async function davit(verb: readonly string[], report: Report): Promise<void> {
  try {
    await run([launcher, ...verb], { onLine: (line) => report(plain(line)) });
    report('');
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    const advice = verb[0] === 'up' ? '`./bin/davit doctor` lists what this machine lacks.' : '`./bin/davit status` shows what still runs.';
    throw new DemoError(`run davit ${verb.join(' ')}`, plain(error.message), advice);
  }
}

/** DOCKER_HOST and KUBECONFIG, as `davit env` exports them. */
export async function readEnvironment(): Promise<Readonly<Record<string, string>>> {
  const { stdout } = await run([launcher, 'env']);
  return Object.fromEntries([...stdout.matchAll(/^export (\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]));
}

function plain(text: string): string {
  return stripVTControlCharacters(text).replaceAll(/^\s*✓\s*/gm, '');
}

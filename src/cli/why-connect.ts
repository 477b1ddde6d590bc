import { KindError } from '../base/errors.ts';
import type { Config } from '../daemon/config.ts';
import { explainConnect } from '../explain/connect.ts';
import type { ConnectionReport, ConnectionStep } from '../explain/connection.ts';
import { readContainers, readNetworks } from '../explain/docker-facts.ts';
import { openKernel } from '../kernel/linux.ts';
import { dockerGet } from './docker-facts.ts';
import { paint } from './paint.ts';

/** `davit why connect web db:5432`; exit code 1 when the connection does not come about. */
export async function whyConnect(from: string, target: string, flags: Partial<Config>, output: 'text' | 'json'): Promise<void> {
  const { to, port } = parseTarget(target);
  const get = dockerGet(flags);
  const [containers, networks] = await Promise.all([readContainers(get), readNetworks(get)]);
  await using kernel = await openKernel();
  const report = await explainConnect({ from, to, port }, { kernel, containers, networks });
  if (!report.works) process.exitCode = 1;
  process.stdout.write(output === 'json' ? `${JSON.stringify(report, undefined, 2)}\n` : render(report));
}

/** `db:5432`, `[fd00::2]:80` */
function parseTarget(target: string): { readonly to: string; readonly port: number } {
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(target) ?? [];
  const to = bracketed ?? plain;
  const port = Number(digits);
  if (to === undefined || !(port >= 1 && port <= 65_535))
    throw new KindError('invalid', `"${target}" is no target: want a name or an address and a port, as in db:5432 or [fd00::2]:80`);
  return { to, port };
}

const marks = { ok: '✓', broken: '✗', skipped: '-' } as const;
const colors = { ok: 'green', broken: 'red', skipped: 'dim' } as const;

function render({ steps }: ConnectionReport): string {
  const line = ({ link, state, text, advice }: ConnectionStep): string => {
    const first = `${paint(colors[state], marks[state], process.stdout)} ${link.padEnd(8)}  ${text}\n`;
    return advice === undefined ? first : `${first}            → ${advice}\n`;
  };
  return steps.map(line).join('');
}

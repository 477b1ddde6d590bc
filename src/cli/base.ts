import { createReadStream, existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isKind, KindError } from '../base/errors.ts';
import { type Config, pathsOf } from '../daemon/config.ts';
import { machineConfig } from '../daemon/load.ts';
import { bootstrapDebian } from './debian-root.ts';
import { dockerRequest } from './docker-request.ts';
import { paint } from './paint.ts';

/**
 * `davit base debian:bookworm-slim`: bootstraps a minimal Debian from the machine's own mirror (mmdebstrap reads
 * /etc/apt), keeps the tar as a cache, and imports it under that name.
 */
export async function base(name: string, flags: Partial<Config>, options: { readonly force: boolean }): Promise<void> {
  const config = machineConfig(flags);
  const { suite, slim } = parseName(name);
  const socket = pathsOf(config).dockerSocket;
  if (!options.force && (await imageExists(socket, name))) {
    step(`${name} is here already`, performance.now());
    return;
  }
  const began = performance.now();
  const tar = join(config.dataRoot, 'cache', `debian-${suite}${slim ? '-slim' : ''}.tar`);
  if (options.force || !existsSync(tar))
    await bootstrapDebian({ suite, slim, tar }, (line) => process.stdout.write(`  ${paint('dim', line, process.stdout)}\n`));
  step(`root file system of Debian ${suite}, ${Math.round(statSync(tar).size / 1e6)} MB`, began);
  const [repository, tag] = name.split(':');
  const query = new URLSearchParams([
    ['fromSrc', '-'],
    ['repo', repository ?? ''],
    ['tag', tag ?? ''],
    ['changes', 'CMD ["bash"]'],
    ['changes', 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
    ['message', `davit base ${name}`],
  ]);
  await dockerRequest(socket, 'POST', `/images/create?${query.toString()}`, createReadStream(tar));
  step(`imported as ${name}`, began);
}

function parseName(name: string): { readonly suite: string; readonly slim: boolean } {
  const match = /^debian:([a-z]+)(-slim)?$/.exec(name);
  if (!match?.[1])
    throw new KindError('invalid', `"${name}" cannot be made here: want debian:<suite> or debian:<suite>-slim, e.g. debian:bookworm-slim`);
  return { suite: match[1], slim: match[2] !== undefined };
}

async function imageExists(socket: string, name: string): Promise<boolean> {
  try {
    await dockerRequest(socket, 'GET', `/images/${name}/json`);
    return true;
  } catch (error) {
    if (isKind(error, 'notFound')) return false;
    throw error;
  }
}

function step(text: string, began: number): void {
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  process.stdout.write(`${paint('green', '✓', process.stdout)} ${text.padEnd(48)} ${paint('dim', `${seconds} s`, process.stdout)}\n`);
}

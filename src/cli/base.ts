import { createReadStream, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isKind, KindError } from '../base/errors.ts';
import { type Config, pathsOf } from '../daemon/config.ts';
import { machineConfig } from '../daemon/load.ts';
import { runWithProgress } from '../kernel/detached.ts';
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
  if (options.force || !existsSync(tar)) await bootstrap(suite, slim, tar);
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

/** The official slim images leave out the same folders. */
const slimmed = [
  'path-exclude=/usr/share/doc/*',
  'path-include=/usr/share/doc/*/copyright',
  'path-exclude=/usr/share/man/*',
  'path-exclude=/usr/share/info/*',
  'path-exclude=/usr/share/locale/*',
];

/** usrmerge would bring all of perl (50 MB) to do what the merged-usr hook does beforehand. */
const withoutPerl = [
  '--include=usr-is-merged',
  '--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr',
  '--setup-hook=mkdir -p "$1/etc/apt/preferences.d"',
  String.raw`--setup-hook=printf "Package: usrmerge\nPin: release *\nPin-Priority: -1\n" > "$1/etc/apt/preferences.d/merged"`,
  '--customize-hook=rm "$1/etc/apt/preferences.d/merged"',
];

/** As in the official images: what apt-get downloads and indexes does not stay in the layer that runs it (80 MB each). */
const dockerClean = String.raw`--customize-hook=printf '%s\n' 'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true"; };' 'Dir::Cache::pkgcache ""; Dir::Cache::srcpkgcache ""; Acquire::Languages "none";' > "$1/etc/apt/apt.conf.d/docker-clean"; rm -f "$1"/var/cache/apt/*.bin`;

async function bootstrap(suite: string, slim: boolean, tar: string): Promise<void> {
  mkdirSync(join(tar, '..'), { recursive: true, mode: 0o700 });
  const partial = `${tar}.partial`;
  const excludes = slim ? slimmed.map((rule) => `--dpkgopt=${rule}`) : [];
  const argv = [
    'mmdebstrap',
    '--variant=minbase',
    '--mode=root',
    '--format=tar',
    ...withoutPerl,
    dockerClean,
    ...excludes,
    suite,
    partial,
    debianMirror(),
  ];
  const tail: string[] = [];
  const code = await runWithProgress(argv, (line) => {
    tail.push(line);
    if (tail.length > 8) tail.shift();
    if (/^I: (running apt-get|downloading|extracting|installing|creating)/.test(line))
      process.stdout.write(`  ${paint('dim', line, process.stdout)}\n`);
  });
  if (code !== 0) {
    rmSync(partial, { force: true });
    throw new KindError(
      'unavailable',
      `bootstrap Debian ${suite}: mmdebstrap ended with ${code}:\n  ${tail.join('\n  ')}\nCheck that this machine reaches its Debian mirror: apt-get update`,
    );
  }
  renameSync(partial, tar);
}

/** The mirror that this machine's apt uses. */
function debianMirror(): string {
  const folder = '/etc/apt/sources.list.d';
  const files = ['/etc/apt/sources.list', ...(existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [])].filter(
    (file) => existsSync(file),
  );
  const urls = files.flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/^(?:URIs:|deb)\s+(?:\[[^\]]*\]\s+)?(\S+\/debian)\/?(?:\s|$)/gm)].map((match) => match[1]),
  );
  return urls[0] ?? 'http://deb.debian.org/debian';
}

function step(text: string, began: number): void {
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  process.stdout.write(`${paint('green', '✓', process.stdout)} ${text.padEnd(48)} ${paint('dim', `${seconds} s`, process.stdout)}\n`);
}

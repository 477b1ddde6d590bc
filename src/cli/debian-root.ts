import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { KindError } from '../base/errors.ts';
import { runWithProgress } from '../kernel/detached.ts';

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

/**
 * A minimal Debian root file system as a tar, by mmdebstrap from the mirror that this machine's apt uses.
 * `tar` is there whole or not at all; `unavailable` with the end of mmdebstrap's output when it cannot be made.
 */
export async function bootstrapDebian(
  { suite, slim, tar }: { readonly suite: string; readonly slim: boolean; readonly tar: string },
  onProgress: (line: string) => void,
): Promise<void> {
  mkdirSync(dirname(tar), { recursive: true, mode: 0o700 });
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
    if (/^I: (running apt-get|downloading|extracting|installing|creating)/.test(line)) onProgress(line);
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

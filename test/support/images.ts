import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/**
 * Root file systems that tests make images of, built once from the machine's own packages and kept in `.cache/`.
 * Safe between processes: `flock` lets one build while the others wait, a rename shows only whole files.
 */
const cache = fileURLToPath(new URL('../../.cache/rootfs/', import.meta.url));

const run = promisify(execFile);

/** A tar of a 2 MB root: static busybox at /bin/busybox, a link per applet, root and nobody, /tmp, /root. */
export async function busyboxTar(): Promise<string> {
  return build('busybox.tar', busyboxScript);
}

/** A tar of Debian bookworm's minimal root, made as `davit base debian:bookworm-slim` makes it: dpkg and apt, no documentation. */
export async function debianTar(): Promise<string> {
  return build('debian-bookworm-slim.tar', 'node --disable-warning=ExperimentalWarning "$2" "$1.part"');
}

async function build(name: string, script: string): Promise<string> {
  const tar = `${cache}${name}`;
  if (existsSync(tar)) return tar;
  await mkdir(cache, { recursive: true });
  const whole = `set -eu\n[ ! -e "$1" ] || exit 0\nwork=$(mktemp -d)\ntrap 'rm -rf "$work"' EXIT\n${script}\nmv "$1.part" "$1"`;
  await run('flock', [`${tar}.lock`, 'bash', '-c', whole, 'build', tar, fileURLToPath(new URL('debian-tar.ts', import.meta.url))], {
    maxBuffer: 64 << 20,
    timeout: 300_000,
  });
  return tar;
}

const busyboxScript = String.raw`
root=$work/root
mkdir -p "$root"/{bin,dev,etc,proc,root,sys,tmp,usr/bin,usr/sbin,var}
cp "$(command -v busybox)" "$root/bin/busybox"
"$root/bin/busybox" --list | while read -r applet; do
  [ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
done
printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' > "$root/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\n' > "$root/etc/group"
chmod 755 "$root"
chmod 700 "$root/root"
chmod 1777 "$root/tmp"
tar --numeric-owner --owner=0 --group=0 --sort=name -cf "$1.part" -C "$root" .
`;

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

/** A tar of Debian bookworm's minimal root, as `debian:bookworm-slim` has it: dpkg and apt, no documentation. */
export async function debianTar(): Promise<string> {
  return build('debian-bookworm-slim.tar', debianScript);
}

async function build(name: string, script: string): Promise<string> {
  const tar = `${cache}${name}`;
  if (existsSync(tar)) return tar;
  await mkdir(cache, { recursive: true });
  const whole = `set -eu\n[ ! -e "$1" ] || exit 0\nwork=$(mktemp -d)\ntrap 'rm -rf "$work"' EXIT\n${script}\nmv "$1.part" "$1"`;
  await run('flock', [`${tar}.lock`, 'bash', '-c', whole, 'build', tar], {
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

/** Without the pin apt picks `usrmerge` and with it all of perl: 127 MB in place of 78. */
const debianScript = String.raw`
mirror=$(sed -nE 's/^URIs: *(\S*debian\/?)$/\1/p; s/^deb (\[[^]]*\] )?(\S*\/debian\/?) .*/\2/p' \
  /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null | head -1)
TMPDIR=$work mmdebstrap --quiet --variant=minbase --format=tar --include=usr-is-merged \
  --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr \
  --setup-hook='mkdir -p "$1/etc/apt/preferences.d"' \
  --setup-hook='printf "Package: usrmerge\nPin: release *\nPin-Priority: -1\n" > "$1/etc/apt/preferences.d/merged"' \
  --customize-hook='rm "$1/etc/apt/preferences.d/merged"' \
  --customize-hook='printf "%s\n" "DPkg::Post-Invoke { \"rm -f /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/*.deb /var/cache/apt/*.bin || true\"; };" "Dir::Cache::pkgcache \"\"; Dir::Cache::srcpkgcache \"\"; Acquire::Languages \"none\";" > "$1/etc/apt/apt.conf.d/docker-clean"; rm -f "$1"/var/cache/apt/*.bin' \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
  --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/info/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' \
  bookworm "$1.part" "${'$'}{mirror:-http://deb.debian.org/debian}"
`;

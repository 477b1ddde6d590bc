import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Root } from '../../src/kernel/files.ts';
import { busyboxTar } from './images.ts';

const run = promisify(execFile);

/**
 * A tar of busybox's root with /kinds, which has every kind of file that a layer can carry and everything that can be known of one:
 * owners beyond 2^21, setuid, setgid and sticky bits, times with nanoseconds and before 1970, attributes (capabilities above all),
 * hard links, symlinks to nowhere, devices, pipes, holes (written as zeros: dockerd cannot write sparse members again), names that are
 * long, that have line ends, and that are no UTF-8.
 */
export async function everyKindTar(folder: string): Promise<string> {
  const work = await mkdtemp(join(folder, 'kinds-'));
  try {
    const tar = join(folder, 'kinds.tar');
    await run('bash', ['-c', fill, 'fill', work, await busyboxTar()]);
    using root = new Root(work);
    root.setMetadata('kinds/ping', { attributes: { 'security.capability': capability } });
    root.setMetadata('kinds/attributes', { attributes: { 'user.davit.binary': '\0\xff\n=A', 'user.davit.empty': '' } });
    await run('bash', ['-c', pack, 'pack', work, tar]);
    return tar;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** cap_net_bind_service=ep, as the kernel keeps it. */
const capability = Buffer.from('0100000200040000000000000000000000000000', 'hex').toString('latin1');

const fill = String.raw`
set -eu
cd "$1"
tar -xpf "$2"
mkdir -p kinds/{empty,setgid,sticky,deep}; cd kinds
printf plain > plain; chmod 640 plain; chown 3000000:4000000 plain
printf ping > ping; chown 7:8 ping; chmod 4755 ping
printf attributes > attributes
printf three > three; ln three deep/two; ln three deep/one
ln -s plain link; ln -s /nowhere/at/all dangling; ln -s "$(printf 'x%.0s' {1..200})/../../$(printf 'y%.0s' {1..200})" far; chown -h 9:10 link
mknod char c 1 7; chmod 666 char; mknod block b 7 200; chown 0:6 block; mkfifo -m 600 pipe
truncate -s 8M sparse; printf middle | dd of=sparse bs=1 seek=4000000 conv=notrunc status=none
: > nothing
chmod 2775 setgid; chmod 1777 sticky; chown 11:12 setgid
printf 1 > "$(printf 'l%.0s' {1..255})"
mkdir -p "deep/$(printf 'd%.0s' {1..120})/$(printf 'e%.0s' {1..120})"; printf 2 > "deep/$(printf 'd%.0s' {1..120})/$(printf 'e%.0s' {1..120})/f"
printf 3 > $'line\nend'; printf 4 > $'not\xff\xfeutf8'; printf 5 > 'ünï ¢ödé'; printf 6 > ' space'; printf 7 > -dash; printf 8 > 'back\slash'
touch -d '2024-05-06 07:08:09.123456789' plain ping three; touch -d '1969-12-31 23:59:58 UTC' nothing; touch -d '2040-01-01 00:00:00.5 UTC' attributes; touch -h -d '2001-02-03 04:05:06' link
touch -d '1999-01-01' empty setgid deep
`;

const pack = String.raw`
set -eu
cd "$1"
touch -d '1998-01-01' kinds
tar --format=pax --pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime --numeric-owner --sort=name --xattrs --xattrs-include='user.*' --xattrs-include=security.capability -cf "$2" .
`;

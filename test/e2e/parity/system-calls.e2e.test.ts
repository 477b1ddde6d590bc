/** Docker's confinement by effect: every system call is tried under both engines, with several sets of options. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { startDockerd } from '../../../bench/dockerd.ts';
import { DockerMachine } from '../../support/docker-machine.ts';
import { debianTar } from '../../support/images.ts';
import { hasPeer } from '../../support/peers.ts';

const isX64 = process.arch === 'x64';
const missing = hasPeer('docker.io')
  ? !isX64 && 'the numbers are those of x64'
  : 'docker.io is not unpacked (bash tools/peers.sh docker.io)';
const program = fileURLToPath(new URL('system-calls.pl', import.meta.url));
const stack = new AsyncDisposableStack();
let host: DockerMachine;
let reference = '';

before(async () => {
  if (missing) return;
  host = stack.use(await DockerMachine.create('syscalls', 136));
  reference = (await startDockerd(stack, 'syscalls-peer', '137'))?.host ?? '';
  const tar = await debianTar();
  await Promise.all([host.docker('import', tar, 'debian:test'), on(reference, 'import', tar, 'debian:test')]);
});
after(() => stack.disposeAsync());

const on = (DOCKER_HOST: string, ...args: readonly string[]): Promise<string> =>
  host.machine.ok(['docker', ...args], { env: { DOCKER_HOST } });

/**
 * Where the profile of newer versions, which is davit's, differs from that of Debian's dockerd. It lets in what has become
 * harmless or is newer than 20.10, and refuses io_uring, ways out of which were found.
 */
const newer: Readonly<Record<string, readonly number[]>> = {
  'let in: name_to_handle_at, process_vm_readv and writev, pkey_*, cachestat, fchmodat2, futex_*': [
    303, 310, 311, 329, 330, 331, 451, 452, 454, 455, 456,
  ],
  'refused: io_uring_*, and set_mempolicy_home_node without SYS_NICE': [425, 426, 427, 450],
};
const known = new Set(Object.values(newer).flat());

for (const options of [
  '',
  '--cap-add SYS_ADMIN',
  '--cap-drop ALL',
  '--user 1:1 --security-opt no-new-privileges',
  '--security-opt seccomp=unconfined',
]) {
  test(`system calls with "${options}"`, { skip: missing, timeout: 90_000 }, async () => {
    const args = ['run', '--rm', ...options.split(' ').filter(Boolean), '-v', `${program}:/probe:ro`, 'debian:test', 'perl', '/probe'];
    const [mine, theirs] = (await Promise.all([host.docker(...args), on(reference, ...args)])).map((text) => text.split('\n'));
    assert.ok(mine !== undefined && mine.length > 400, mine?.join('\n'));
    const different = mine.filter((line, index) => line !== theirs?.[index] && !known.has(Number(line.split(' ')[0])));
    assert.deepEqual(different, []);
    const refused = mine.filter((line) => line.endsWith('EPERM')).length;
    if (!options.includes('unconfined')) assert.ok(refused > 100, `${refused} refused`);
    if (!options.includes('unconfined'))
      assert.ok(mine.includes('425 EPERM') && mine.includes('272 EPERM') === !options.includes('SYS_ADMIN'));
  });
}

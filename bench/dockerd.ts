import { execFile, spawn } from 'node:child_process';
import { globSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { initProgram } from '../src/engine/containers/devices.ts';
import { eventually } from '../test/support/eventually.ts';
import { hasPeer, peerEnvironment, peerProgram } from '../test/support/peers.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const run = promisify(execFile);

export interface Dockerd {
  readonly host: string;
  readonly version: string;
  pids(): Promise<readonly number[]>;
}

/** From where its programs are taken: those of an earlier one first. sid's runc needs sid's libc. */
export const dockerdPeers = { stable: ['docker.io'], sid: ['docker.io@sid', 'containerd@sid', 'docker.io'] } as const;

/** Debian's dockerd (tools/peers.sh docker.io), in a network namespace and folders of its own; undefined when it is not there. */
export async function startDockerd(
  stack: AsyncDisposableStack,
  labName = 'bench-dockerd',
  labNumber = '151',
  release: keyof typeof dockerdPeers = 'stable',
): Promise<Dockerd | undefined> {
  const peers = dockerdPeers[release];
  if (!peers.every(hasPeer)) return undefined;
  const program = peerProgram(peers[0], 'dockerd');
  const folder = await mkdtemp('/tmp/dv-bench-dockerd-');
  stack.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 10 }));
  stack.defer(() => unmountBelow(folder));
  stack.defer(removeControlGroups());
  stack.defer(() => run('bash', [join(root, 'tools/lab.sh'), labName, labNumber, '--down']).then(() => undefined));
  const host = `unix://${folder}/docker.sock`;
  const flags = [
    '--data-root',
    `${folder}/data`,
    '--exec-root',
    `${folder}/exec`,
    '--pidfile',
    `${folder}/pid`,
    '--host',
    host,
    '--insecure-registry',
    '198.18.0.0/16',
    // Its own is a link to a program of another package.
    '--init-path',
    initProgram(),
  ];
  const child = spawn('bash', [join(root, 'tools/lab.sh'), labName, labNumber, program.path, ...flags], {
    env: { ...process.env, ...peerEnvironment(peers) },
    stdio: 'ignore',
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  stack.defer(async () => {
    child.kill('SIGTERM');
    await ended;
  });
  const docker = async (...args: string[]): Promise<string> =>
    (await run('docker', args, { env: { ...process.env, DOCKER_HOST: host } })).stdout.trim();
  const version = await eventually(() => docker('version', '--format', '{{.Server.Version}}'), { withinMs: 30_000 });
  return { host, version: `dockerd ${version.split('+')[0]}`, pids: async () => family(Number(child.pid)) };
}

/** dockerd binds its data root to itself and leaves that, and now and then a build's overlay within. */
async function unmountBelow(folder: string): Promise<void> {
  const targets = readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .flatMap((line) => line.split(' ')[4] ?? [])
    .filter((target) => target.startsWith(`${folder}/`));
  for (const target of targets.toReversed()) await run('umount', ['--lazy', target]).catch(() => undefined);
}

/** dockerd (lab.sh becomes it) and its children: containerd. */
function family(pid: number): readonly number[] {
  const children = globSync(`/proc/${pid}/task/*/children`).flatMap((file) => readFileSync(file, 'utf8').split(' ').filter(Boolean));
  return [pid, ...children.flatMap((child) => family(Number(child)))];
}

/** dockerd makes `/docker` in every hierarchy and leaves it; only one that was not there before is taken away. */
function removeControlGroups(): () => void {
  const before = new Set(globSync(['/sys/fs/cgroup/docker', '/sys/fs/cgroup/*/docker']));
  return () => {
    for (const path of globSync(['/sys/fs/cgroup/docker', '/sys/fs/cgroup/*/docker'])) {
      if (!before.has(path) && !readdirSync(path, { withFileTypes: true }).some((entry) => entry.isDirectory())) rmdirSync(path);
    }
  };
}

/**
 * kill -9 at any moment: the engine dies in the middle of creates, starts, stops, removals, connects and execs, and nothing that
 * it said was done is undone, nothing that ran is touched, nothing is left behind.
 * 300 kills as in the issue: DAVIT_CRASH_ROUNDS=300 node tools/run-tests.ts e2e crash
 */
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { delay } from '../../src/base/abort.ts';
import { CrashLoad, seeded } from '../support/crash-load.ts';
import { DockerMachine } from '../support/docker-machine.ts';
import { eventually } from '../support/eventually.ts';

const rounds = Number(process.env['DAVIT_CRASH_ROUNDS'] ?? 15);
const seed = Number(process.env['DAVIT_CRASH_SEED'] ?? 20_260_101);
const clients = 8;

let host: DockerMachine;

before(async () => {
  host = await DockerMachine.create('crash', 132);
});

after(async () => {
  await host[Symbol.asyncDispose]();
});

test(`${rounds} kills under load`, { timeout: 280_000 + rounds * 2000 }, async (context) => {
  const random = seeded(seed);
  const socket = (host.machine.environment['DOCKER_HOST'] ?? '').replace('unix://', '');
  const load = new CrashLoad(socket, 'busybox:test', random, clients);
  const volumes = join(host.folder, 'data/engine/volumes');
  await load.prepare();
  for (let round = 1; round <= rounds; round += 1) {
    const running = load.run();
    running.catch(() => undefined);
    await delay(20 + random() * 400);
    await host.stopEngine('SIGKILL');
    await running;
    await host.startEngine();
    await load.check((path) => existsSync(join(volumes, path)));
    if (round % 10 === 0 || round === rounds) {
      await load.removeAll();
      await eventually(async () => assert.deepEqual(await leftOvers(), []), { withinMs: 10_000 });
    }
  }
  context.diagnostic(`${rounds} kills, ${load.interrupted} requests under way, ${load.acknowledged} acknowledged, seed ${seed}`);
});

/** With no container left there is no mount, namespace, link, control group, supervisor or rule of one. */
async function leftOvers(): Promise<readonly string[]> {
  const run = join(host.folder, 'run');
  const files = globSync([join(run, 'engine/{c,n,v}/*'), join(run, 'runc/*'), join(host.folder, 'data/engine/containers/*')]);
  const mounts = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .filter((line) => line.includes(run));
  const groups = globSync(['/sys/fs/cgroup/davit-crash/*/cgroup.procs', '/sys/fs/cgroup/*/davit-crash/*/cgroup.procs']);
  const links = (await host.sh('ip -o link')).split('\n').filter((line) => /veth|dv[0-9a-f]{6,}/.test(line));
  const rules = (await host.sh('iptables-save -t nat')).split('\n').filter((line) => line.includes('--to-destination'));
  const supervisors = globSync('/proc/[0-9]*/cmdline').filter(
    (file) => commandOf(file).startsWith(`conmon`) && commandOf(file).includes(host.folder),
  );
  return [...files, ...mounts, ...groups, ...links, ...rules, ...supervisors.map(commandOf)];
}

function commandOf(file: string): string {
  try {
    return readFileSync(file, 'utf8').replaceAll('\0', ' ');
  } catch {
    return '';
  }
}

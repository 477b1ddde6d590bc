import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { fakeProcesses } from './processes.fake.ts';
import { linuxProcesses } from './processes.linux.ts';
import { processesSuite, type ProcessesWorld } from './processes.suite.ts';

processesSuite('fake processes', () => {
  const processes = fakeProcesses();
  processes.program('cat', (_, { stdin = '' }) => ({ stdout: String(stdin) }));
  processes.program('false', () => ({ exitCode: 1 }));
  return { processes, begin: async () => processes.begin(), [Symbol.asyncDispose]: async () => undefined };
});

processesSuite('linux processes', linux);

function linux(): ProcessesWorld {
  const lifetime = new AbortController();
  const children: ReturnType<typeof spawn>[] = [];
  return {
    processes: linuxProcesses(lifetime.signal),
    async begin() {
      const child = spawn('sleep', ['1000'], { stdio: 'ignore' });
      children.push(child);
      await once(child, 'spawn');
      return child.pid as number;
    },
    async [Symbol.asyncDispose]() {
      lifetime.abort();
      for (const child of children) {
        if (child.exitCode === null && child.signalCode === null) {
          child.kill('SIGKILL');
          await once(child, 'exit');
        }
      }
    },
  };
}

const run = (argv: readonly string[], ...rest: [object?, AbortSignal?]) => linuxProcesses(new AbortController().signal).run(argv, ...rest);

test('a child has three descriptors, default signals, its folder and its environment', async () => {
  const script = 'echo $HOME; pwd; ls -x /proc/$$/fd; grep SigIgn /proc/$$/status';
  const { stdout } = await run(['sh', '-c', script], { cwd: '/usr', env: { HOME: '/nowhere', PATH: '/usr/bin:/bin' } });
  const [home, folder, descriptors, ignored] = stdout.split('\n');
  assert.equal(home, '/nowhere');
  assert.equal(folder, '/usr');
  assert.deepEqual(descriptors?.trim().split(/\s+/), ['0', '1', '2']);
  assert.match(ignored ?? '', /0000000000000000/);
});

test('a program killed by a signal is 128 + n', async () => {
  assert.equal((await run(['sh', '-c', 'kill -9 $$'])).exitCode, 137);
});

test('megabytes both ways, and a program that reads nothing of them', async () => {
  const data = 'x'.repeat(3_000_000);
  assert.equal((await run(['cat'], { stdin: data })).stdout.length, data.length);
  assert.equal((await run(['true'], { stdin: data })).exitCode, 0);
});

test('an abort kills the program', async () => {
  await assert.rejects(run(['sleep', '1000'], {}, AbortSignal.timeout(20)), { kind: 'canceled' });
});

test('a missing program of ours says which package has it', async () => {
  await assert.rejects(run(['/no/nft']), { kind: 'unavailable', message: /apt-get install nftables/ });
});

test('no descriptor is left behind', async () => {
  await run(['true']);
  const count = (): number => readdirSync('/proc/self/fd').length;
  const before = count();
  for (let round = 0; round < 10; round++) await run(['cat'], { stdin: 'x' });
  await run(['no-such-program']).catch(() => undefined);
  assert.ok(count() <= before);
});

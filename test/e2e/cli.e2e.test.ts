/** davit's own commands, as a person types them. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Machine, type Result } from '../support/machine.ts';

const program = fileURLToPath(new URL('../../bin/davit', import.meta.url));
let machine: Machine;

before(async () => {
  machine = await Machine.create('cli', 102);
});

after(() => machine[Symbol.asyncDispose]());

const davit = (...args: readonly string[]): Promise<Result> => machine.run([program, ...args]);

test('version, help with examples, completion', async () => {
  assert.match((await davit('version')).stdout, /^davit \d+\.\d+\.\d+/);
  assert.match((await davit('up', '--help')).stdout, /Example:\n.*davit up/);
  const script = (await davit('completion', 'bash')).stdout;
  const words = await machine.ok(['bash', '-c', `${script}\nCOMP_WORDS=(davit do); COMP_CWORD=1; _davit; echo "\${COMPREPLY[@]}"`]);
  assert.equal(words, 'down doctor');
});

test('wrong usage ends with 2 and says what is wrong', async () => {
  const flag = await davit('up', '--colour');
  assert.equal(flag.code, 2);
  assert.match(flag.stderr, /unknown option '--colour'/);
  assert.equal((await davit('jump')).code, 2);
  const port = await davit('up', '--api-port', 'many');
  assert.equal(port.code, 1);
  assert.match(port.stderr, /want a number from 1 to 65535/);
  assert.match((await davit('base', 'fedora:40')).stderr, /want debian:<suite>/);
});

test('before up: status says so, base and env too', async () => {
  const status = await davit('status');
  assert.equal(status.code, 1);
  assert.match(status.stdout, /not running: start it with `davit up`/);
  const base = await davit('base', 'debian:bookworm-slim');
  assert.equal(base.code, 1);
  assert.match(base.stderr, /is it running\?/);
  assert.match((await davit('env')).stdout, new RegExp(`export DOCKER_HOST=unix://${machine.folder}/run/docker.sock`));
});

test('not root: refused with what to do', async () => {
  const script = `import { up } from '${fileURLToPath(new URL('../../src/cli/up.ts', import.meta.url))}'; process.setuid(65534); await up({});`;
  const refused = await machine.run([process.execPath, '--input-type=module', '-e', script]);
  assert.match(refused.stderr, /davit up needs root: run it with sudo/);
});

test('doctor lists each thing, found or with advice', async () => {
  const result = await davit('doctor', '--output', 'json');
  const { features } = JSON.parse(result.stdout) as { features: { name: string; ok: boolean; advice: string }[] };
  assert(features.some(({ name, ok }) => name === 'runc' && ok));
  assert(features.every(({ advice }) => advice.length > 0));
});

test('up twice is once; a role that died is started again by the next up', async () => {
  await machine.davit('up');
  const pids = async (): Promise<Record<string, number>> => {
    const { processes } = JSON.parse(await machine.davit('status', '--output', 'json')) as { processes: { role: string; pid: number }[] };
    return Object.fromEntries(processes.map(({ role, pid }) => [role, pid]));
  };
  const first = await pids();
  await machine.davit('up');
  assert.deepEqual(await pids(), first);
  await machine.ok(['kill', '-9', String(first['server'])]);
  assert.equal((await davit('status')).code, 1);
  await machine.davit('up');
  const second = await pids();
  assert.equal(second['node'], first['node']);
  assert.notEqual(second['server'], first['server']);
});

test('down leaves no process, and is harmless twice', async () => {
  await machine.davit('down');
  assert.equal((await davit('status')).code, 1);
  await machine.davit('down');
});

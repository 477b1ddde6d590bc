import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { eventually } from '../../test/support/eventually.ts';
import { openKernel } from './linux.ts';
import { findProgram, isDead, startTimeOf } from './processes.linux.ts';
import type { RuntimeCreate } from './runtime.ts';
import { read, runtimeSuite, sleeper, type Program, type RuntimeWorld } from './runtime.suite.ts';

const root = mkdtempSync(join(tmpdir(), 'davit-rt-'));
mkdirSync(join(root, 'rootfs/bin'), { recursive: true });
mkdirSync(join(root, 'rootfs/proc'));
copyFileSync(findProgram('busybox'), join(root, 'rootfs/bin/busybox'));
for (const applet of ['sh', 'cat']) symlinkSync('busybox', join(root, 'rootfs/bin', applet));
after(() => rmSync(root, { recursive: true }));

type CreateOptions = Partial<Pick<RuntimeCreate, 'terminal' | 'stdin' | 'stdinOnce' | 'logPath'>> & { readonly memoryBytes?: number };

interface RealWorld extends RuntimeWorld {
  readonly folder: string;
  create(id: string, program: Program | string, options?: CreateOptions): Promise<string>;
  exec(id: string, program: Program | string, options?: { readonly terminal?: boolean; readonly stdin?: boolean }): Promise<string>;
  /** Another davit on the same state, as after a restart. */
  reopen(): Promise<RealWorld>;
}

let worlds = 0;

async function open(folder = join(root, String(++worlds))): Promise<RealWorld> {
  const kernel = await openKernel({ runtimeRoot: join(folder, 'runc') });
  const { runtime } = kernel;
  const prefix = `davit-test-${process.pid}`;
  const scriptOf = (program: Program | string): string => (typeof program === 'string' ? program : program.script);
  let execs = 0;
  return {
    folder,
    runtime,
    async create(id, program, options = {}) {
      const { terminal = false, stdin = false, stdinOnce = false, logPath, memoryBytes } = options;
      const bundle = join(folder, id, 'bundle');
      mkdirSync(bundle, { recursive: true });
      writeFileSync(
        join(bundle, 'config.json'),
        JSON.stringify(specOf(scriptOf(program), terminal, `/${prefix}/${worlds}-${id}`, memoryBytes)),
      );
      const directory = join(folder, id, 'run');
      await runtime.create({ id, bundle, directory, terminal, stdin, stdinOnce, ...(logPath === undefined ? {} : { logPath }) });
      return directory;
    },
    async exec(id, program, { terminal = false, stdin = false } = {}) {
      const execId = `exec-${++execs}`;
      const directory = join(folder, execId);
      const spec = { user: { uid: 0, gid: 0 }, args: ['/bin/sh', '-c', scriptOf(program)], env: ['PATH=/bin'], cwd: '/' };
      await runtime.exec({ id, execId, directory, process: spec, terminal, stdin });
      return directory;
    },
    async reopen() {
      await kernel[Symbol.asyncDispose]();
      return open(folder);
    },
    async [Symbol.asyncDispose]() {
      for (const id of readdirSync(join(folder, 'runc'))) await runtime.delete(id, { force: true });
      await kernel[Symbol.asyncDispose]();
      kernel.cgroups.remove(`/${prefix}`);
    },
  };
}

function specOf(script: string, terminal: boolean, cgroupsPath: string, memoryBytes: number | undefined): object {
  return {
    ociVersion: '1.0.2',
    root: { path: join(root, 'rootfs') },
    process: { terminal, user: { uid: 0, gid: 0 }, args: ['/bin/sh', '-c', script], env: ['PATH=/bin'], cwd: '/' },
    mounts: [
      { destination: '/proc', type: 'proc', source: 'proc' },
      { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755'] },
      { destination: '/dev/pts', type: 'devpts', source: 'devpts', options: ['newinstance', 'ptmxmode=0666'] },
    ],
    linux: {
      cgroupsPath,
      namespaces: ['pid', 'mount', 'ipc', 'uts', 'network'].map((type) => ({ type })),
      ...(memoryBytes === undefined ? {} : { resources: { memory: { limit: memoryBytes } } }),
    },
  };
}

runtimeSuite('linux runtime', open);

test('input of a container that takes one writer: all of it arrives, then the end of it', async () => {
  await using world = await open();
  const logPath = join(world.folder, 'log');
  const directory = await world.create('one', 'cat; echo done >&2', { stdin: true, stdinOnce: true, logPath });
  using streams = await world.runtime.attach(directory);
  await world.runtime.start('one');
  const data = Buffer.alloc(1_000_000, 'abcdefg\n');
  const written = streams.write(data).then(() => streams.endInput());
  const { stdout, stderr } = await read(streams);
  await written;
  assert.equal(stdout.length, data.length);
  assert.equal(stderr, 'done\n');
  const log = readFileSync(logPath, 'utf8').trimEnd().split('\n');
  assert.match(log[0] ?? '', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+\S+ stdout F abcdefg$/);
  assert.equal(log.length, 125_001);
});

test('a reader that stands still makes the program wait, and loses nothing', async () => {
  await using world = await open();
  await world.create('one', sleeper);
  await world.runtime.start('one');
  const directory = await world.exec('one', 'busybox yes | busybox head -c 4000000; echo end');
  using streams = await world.runtime.attach(directory);
  const iterator = streams.output[Symbol.asyncIterator]();
  const first = await iterator.next();
  assert.equal(world.runtime.exitOf(directory), undefined);
  let length = first.value?.data.length ?? 0;
  for (let next = await iterator.next(); next.done !== true; next = await iterator.next()) length += next.value.data.length;
  assert.equal(length, 4_000_004);
});

test('an exec that nobody attaches to is not held up by its output', async () => {
  await using world = await open();
  await world.create('one', sleeper);
  await world.runtime.start('one');
  const directory = await world.exec('one', 'busybox yes | busybox head -c 4000000; exit 2');
  assert.equal((await world.runtime.exited(directory)).code, 2);
});

/** A new size arrives when conmon comes to it. */
const untilSize = (size: string): string => `while [ "$(busybox stty size 2>&1)" != "${size}" ]; do busybox usleep 1000; done`;

test('a terminal has a size, and everything it prints is standard output', async () => {
  await using world = await open();
  await world.create('one', sleeper);
  await world.runtime.start('one');
  const directory = await world.exec('one', `${untilSize('40 100')}; read x; busybox stty size; echo err >&2; exit 9`, {
    terminal: true,
    stdin: true,
  });
  using streams = await world.runtime.attach(directory);
  await world.runtime.resize(directory, { width: 100, height: 40 });
  await streams.write(Buffer.from('\n'));
  const { stdout, stderr } = await read(streams);
  assert.match(stdout, /40 100\r\nerr\r\n$/);
  assert.equal(stderr, '');
  assert.equal((await world.runtime.exited(directory)).code, 9);
});

test('a container with a terminal can be sized before it starts, and reads what is typed', async () => {
  await using world = await open();
  const directory = await world.create('one', `${untilSize('43 132')}; read x; echo "got $x"`, { terminal: true, stdin: true });
  using streams = await world.runtime.attach(directory);
  await world.runtime.resize(directory, { width: 132, height: 43 });
  await world.runtime.start('one');
  await streams.write(Buffer.from('it\n'));
  const { stdout } = await read(streams);
  assert.match(stdout, /got it\r\n$/);
});

test('a program that is not there: the runtime’s own words, and nothing is left', async () => {
  await using world = await open();
  await assert.rejects(
    world.create('one', sleeper).then(() => world.runtime.exec({ ...execOf(world, ['nosuch']), id: 'one' })),
    { kind: 'invalid', message: /^OCI runtime exec failed: .*exec: "nosuch": executable file not found in \$PATH$/ },
  );
  rmSync(join(root, 'rootfs/bin/sh'));
  await assert.rejects(world.create('two', sleeper), {
    kind: 'invalid',
    message: /^OCI runtime create failed: .*exec: "\/bin\/sh": stat \/bin\/sh: no such file or directory$/,
  });
  symlinkSync('busybox', join(root, 'rootfs/bin/sh'));
  assert.equal(await world.runtime.state('two'), undefined);
});

function execOf(world: RealWorld, args: readonly string[]) {
  const process = { user: { uid: 0, gid: 0 }, args, env: ['PATH=/bin'], cwd: '/' };
  return { execId: 'x', directory: join(world.folder, 'x'), process, terminal: false, stdin: false };
}

test('containers outlive davit: the next one attaches, and knows the exit of what ended meanwhile', async () => {
  const before = await open();
  const [living, ended] = [
    await before.create('one', 'read x; echo "got $x"; exit 4', { stdin: true }),
    await before.create('two', 'exit 5'),
  ];
  await before.runtime.start('one');
  await before.runtime.start('two');
  const supervisor = Number(readFileSync(join(living, 'conmon.pid'), 'utf8'));
  assert.match(readFileSync(`/proc/${supervisor}/stat`, 'utf8'), /\) S 1 /);
  const waiting = before.runtime.exited(living);
  const [next] = await Promise.all([before.reopen(), assert.rejects(waiting, { kind: 'canceled' })]);
  await using world = next;
  assert.equal((await world.runtime.exited(ended)).code, 5);
  using streams = await world.runtime.attach(living);
  await streams.write(Buffer.from('it\n'));
  assert.equal((await read(streams)).stdout, 'got it\n');
  assert.equal((await world.runtime.exited(living)).code, 4);
});

test('one directory serves a container again and again', async () => {
  await using world = await open();
  for (const code of [1, 2, 3, 4]) {
    const directory = await world.create('one', `echo ${code}; exit ${code}`);
    using streams = await world.runtime.attach(directory);
    await world.runtime.start('one');
    assert.equal((await world.runtime.exited(directory)).code, code);
    assert.equal((await read(streams)).stdout, `${code}\n`);
    await world.runtime.delete('one');
  }
});

test('a supervisor that is killed takes its container with it, and that is its exit', async () => {
  await using world = await open();
  const directory = await world.create('one', sleeper);
  await world.runtime.start('one');
  const waiting = world.runtime.exited(directory);
  process.kill(Number(readFileSync(join(directory, 'conmon.pid'), 'utf8')), 'SIGKILL');
  assert.equal((await waiting).code, 137);
  const again = await world.reopen();
  assert.equal(again.runtime.exitOf(directory)?.code, 137);
  await again[Symbol.asyncDispose]();
});

test('davit dead before it wrote its record: the exit is known all the same', async () => {
  await using world = await open();
  const directory = await world.create('one', 'exit 6');
  rmSync(join(directory, 'record.json'));
  const waiting = world.runtime.exited(directory);
  await world.runtime.start('one');
  assert.equal((await waiting).code, 6);
});

test('killed while conmon was about to call the runtime: what it makes later is ended, and the next create works', async () => {
  await using world = await open();
  const slow = join(world.folder, 'slow-runc');
  writeFileSync(slow, `#!/bin/sh\nsleep 0.5\nexec ${findProgram('runc')} "$@"\n`, { mode: 0o755 });
  const first = await world.create('one', sleeper);
  await world.runtime.delete('one', { force: true });
  await world.runtime.exited(first);
  rmSync(first, { recursive: true });
  const request = { id: 'one', bundle: join(world.folder, 'one/bundle'), directory: first, terminal: false, stdin: false };
  const code = `
    const { openKernel } = await import(${JSON.stringify(new URL('linux.ts', import.meta.url).href)});
    const { runtime } = await openKernel(${JSON.stringify({ runtimePath: slow, runtimeRoot: join(world.folder, 'runc') })});
    await runtime.create(${JSON.stringify(request)});`;
  const victim = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: 'inherit' });
  const ended = once(victim, 'exit');
  await eventually(async () => assert.match(readFileSync(join(first, 'conmon.pid'), 'utf8'), /^\d+/), { withinMs: 10_000 });
  victim.kill('SIGKILL');
  assert.equal((await ended)[1], 'SIGKILL');
  const supervisor = Number(readFileSync(join(first, 'conmon.pid'), 'utf8'));
  await world.runtime.abandon('one', first);
  assert.ok(isDead(supervisor));
  assert.equal(await world.runtime.state('one'), undefined);
  await world.runtime.abandon('one', first);
  await world.create('one', sleeper);
});

test('a directory that is removed under a supervisor does not leave its waiters waiting', async () => {
  await using world = await open();
  const directory = await world.create('one', sleeper);
  await world.runtime.start('one');
  const waiting = world.runtime.exited(directory);
  rmSync(directory, { recursive: true });
  await world.runtime.delete('one', { force: true });
  assert.equal((await waiting).code, 255);
});

test('a container out of memory says so', async () => {
  await using world = await open();
  const directory = await world.create('one', 'busybox head -c 64000000 /dev/zero | busybox tail > /dev/null; exit 7', {
    memoryBytes: 8 << 20,
  });
  await world.runtime.start('one');
  assert.equal((await world.runtime.exited(directory)).oomKilled, true);
});

test('nothing is left behind: no descriptor, no process', async () => {
  const count = (): number => readdirSync('/proc/self/fd').length;
  {
    await using world = await open();
    await world.create('one', sleeper);
    await world.runtime.start('one');
    for (let round = 0; round < 3; round++) {
      const directory = await world.exec('one', 'echo x');
      using streams = await world.runtime.attach(directory);
      await read(streams);
      await world.runtime.exited(directory);
    }
    const before = count();
    for (let round = 0; round < 5; round++) {
      const directory = await world.exec('one', 'echo x');
      using streams = await world.runtime.attach(directory);
      await read(streams);
      await world.runtime.exited(directory);
    }
    assert.ok(count() <= before + 2, `${count()} descriptors, ${before} before`);
    const { pid = 0 } = (await world.runtime.state('one')) ?? {};
    assert.ok(startTimeOf(pid) !== undefined);
    await world.runtime.delete('one', { force: true });
    await gone(pid);
  }
});

async function gone(pid: number): Promise<void> {
  await using kernel = await openKernel();
  await kernel.processes.exited(pid);
}

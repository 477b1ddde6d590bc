import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FakeSupervised } from './runtime.fake.ts';
import type { Runtime, RuntimeStreams } from './runtime.ts';

/** A program in both worlds: a shell script for the real one, a play for the fake. */
export interface Program {
  readonly script: string;
  readonly play: (process: FakeSupervised) => void;
}

export interface RuntimeWorld extends AsyncDisposable {
  readonly runtime: Runtime;
  /** Creates a container; its supervision's directory. */
  create(id: string, program: Program): Promise<string>;
  /** Runs a program in a container; its supervision's directory. */
  exec(id: string, program: Program): Promise<string>;
}

export const sleeper: Program = { script: 'exec busybox sleep 1000', play: () => undefined };
const speaker: Program = {
  script: 'echo out; echo err >&2; exit 3',
  play(process) {
    process.emit('out\n');
    process.emit('err\n', 'stderr');
    process.finish(3);
  },
};

export async function read(streams: RuntimeStreams): Promise<{ readonly stdout: string; readonly stderr: string }> {
  const text = { stdout: '', stderr: '' };
  for await (const { stream, data } of streams.output) text[stream] += data.toString();
  return text;
}

/** What every implementation of `Runtime` keeps. */
export function runtimeSuite(name: string, open: () => Promise<RuntimeWorld>): void {
  test(`${name}: from created over running to stopped to gone`, async () => {
    await using world = await open();
    const { runtime } = world;
    const directory = await world.create('one', sleeper);
    assert.equal((await runtime.state('one'))?.status, 'created');
    assert.equal(runtime.exitOf(directory), undefined);
    await runtime.start('one');
    assert.equal((await runtime.state('one'))?.status, 'running');
    const exited = runtime.exited(directory);
    await runtime.kill('one', 9);
    const exit = await exited;
    assert.equal(exit.code, 137);
    assert.ok(Math.abs(exit.at.getTime() - Date.now()) < 5000);
    assert.equal(runtime.exitOf(directory)?.code, 137);
    assert.equal((await runtime.state('one'))?.status, 'stopped');
    await runtime.delete('one');
    assert.equal(await runtime.state('one'), undefined);
    assert.equal(runtime.exitOf(directory)?.code, 137);
  });

  test(`${name}: output of a container that was attached to before its start, then its exit code`, async () => {
    await using world = await open();
    const directory = await world.create('one', speaker);
    using streams = await world.runtime.attach(directory);
    await world.runtime.start('one');
    assert.deepEqual(await read(streams), { stdout: 'out\n', stderr: 'err\n' });
    assert.equal((await world.runtime.exited(directory)).code, 3);
    assert.equal((await world.runtime.exited(directory)).code, 3);
  });

  test(`${name}: an exec keeps its output until somebody attaches, and has its own exit code`, async () => {
    await using world = await open();
    const container = await world.create('one', sleeper);
    await world.runtime.start('one');
    const directory = await world.exec('one', speaker);
    using streams = await world.runtime.attach(directory);
    assert.deepEqual(await read(streams), { stdout: 'out\n', stderr: 'err\n' });
    assert.equal((await world.runtime.exited(directory)).code, 3);
    assert.equal(world.runtime.exitOf(container), undefined);
  });

  test(`${name}: what is not there`, async () => {
    await using world = await open();
    const { runtime } = world;
    assert.equal(await runtime.state('nobody'), undefined);
    await runtime.delete('nobody');
    await assert.rejects(runtime.kill('nobody', 15), { kind: 'notFound' });
    await assert.rejects(runtime.start('nobody'), { kind: 'notFound' });
    await assert.rejects(world.exec('nobody', speaker), { kind: 'notFound' });
    assert.equal(runtime.exitOf('/tmp/davit-nobody'), undefined);
    await assert.rejects(runtime.exited('/tmp/davit-nobody'), { kind: 'notFound' });
  });

  test(`${name}: what has ended takes no signal, no exec, no attach, no resize`, async () => {
    await using world = await open();
    const { runtime } = world;
    const directory = await world.create('one', speaker);
    await runtime.start('one');
    await runtime.exited(directory);
    await assert.rejects(runtime.kill('one', 15), { kind: 'notFound' });
    await assert.rejects(world.exec('one', speaker), { kind: 'conflict' });
    await assert.rejects(runtime.attach(directory), { kind: 'notFound' });
    await assert.rejects(runtime.resize(directory, { width: 80, height: 25 }), { kind: 'notFound' });
    assert.throws(() => runtime.reopenLog(directory), { kind: 'notFound' });
  });

  test(`${name}: a container that runs goes only when forced`, async () => {
    await using world = await open();
    const directory = await world.create('one', sleeper);
    await world.runtime.start('one');
    await assert.rejects(world.runtime.delete('one'));
    await world.runtime.delete('one', { force: true });
    assert.equal((await world.runtime.exited(directory)).code, 137);
    assert.equal(await world.runtime.state('one'), undefined);
  });

  test(`${name}: paused and resumed`, async () => {
    await using world = await open();
    await world.create('one', sleeper);
    await world.runtime.start('one');
    await world.runtime.pause('one');
    assert.equal((await world.runtime.state('one'))?.status, 'paused');
    await world.runtime.resume('one');
    assert.equal((await world.runtime.state('one'))?.status, 'running');
  });

  test(`${name}: waiting for an exit can be given up`, async () => {
    await using world = await open();
    const directory = await world.create('one', sleeper);
    const controller = new AbortController();
    const waiting = world.runtime.exited(directory, controller.signal);
    controller.abort();
    await assert.rejects(waiting, { kind: 'canceled' });
    await assert.rejects(
      world.create('two', sleeper).then(() => world.create('two', sleeper)),
      { kind: 'alreadyExists' },
    );
  });
}

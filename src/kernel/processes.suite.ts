import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Processes } from './processes.ts';

export interface ProcessesWorld extends AsyncDisposable {
  readonly processes: Processes;
  /** A process that runs until it is killed. */
  begin(): Promise<number>;
}

/** What every implementation of `Processes` keeps. The programs `cat` and `false` are there. */
export function processesSuite(name: string, open: () => ProcessesWorld): void {
  test(`${name}: output, exit code and input of a program`, async () => {
    await using world = open();
    assert.deepEqual(await world.processes.run(['cat'], { stdin: 'all of it' }), { exitCode: 0, stdout: 'all of it', stderr: '' });
    assert.equal((await world.processes.run(['false'])).exitCode, 1);
  });

  test(`${name}: a missing program is unavailable`, async () => {
    await using world = open();
    await assert.rejects(world.processes.run(['no-such-program']), { kind: 'unavailable', message: /no-such-program/ });
  });

  test(`${name}: an aborted run does not start`, async () => {
    await using world = open();
    await assert.rejects(world.processes.run(['cat'], { stdin: '' }, AbortSignal.abort()), { kind: 'canceled' });
  });

  test(`${name}: a process is named by pid and start time until it is killed`, async () => {
    await using world = open();
    const pid = await world.begin();
    const start = world.processes.startTime(pid);
    assert.ok(start !== undefined && start > 0);
    assert.equal(world.processes.startTime(pid), start);
    const gone = world.processes.exited(pid);
    world.processes.kill(pid, 0);
    world.processes.kill(pid, 9);
    await gone;
  });

  test(`${name}: waiting for a process that is not there is over at once, waiting for one that is can be aborted`, async () => {
    await using world = open();
    const nobody = 0x3fffff;
    await world.processes.exited(nobody);
    assert.equal(world.processes.startTime(nobody), undefined);
    assert.throws(() => world.processes.kill(nobody, 15), { kind: 'notFound' });
    const pid = await world.begin();
    const controller = new AbortController();
    const waiting = world.processes.exited(pid, controller.signal);
    controller.abort();
    await assert.rejects(waiting, { kind: 'canceled' });
    world.processes.kill(pid, 9);
  });
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fakeKernel } from './kernel.fake.ts';
import { runtimeError } from './runc.ts';
import { runtimeSuite, type Program } from './runtime.suite.ts';

runtimeSuite('fake runtime', async () => {
  const { runtime } = fakeKernel();
  const plays = new Map<string, Program>();
  let lastExec = 0;
  runtime.onStart((container) => plays.get(container.directory)?.play(container));
  runtime.onExec((_, exec) => plays.get(exec.directory)?.play(exec));
  return {
    runtime,
    async create(id, program) {
      const directory = `/run/fake/${id}`;
      plays.set(directory, program);
      await runtime.create({ id, bundle: directory, directory, terminal: false, stdin: false });
      return directory;
    },
    async exec(id, program) {
      const directory = `/run/fake/exec-${++lastExec}`;
      plays.set(directory, program);
      const process = { user: { uid: 0, gid: 0 }, args: ['sh', '-c', program.script], env: [], cwd: '/' };
      await runtime.exec({ id, execId: directory, directory, process, terminal: false, stdin: false });
      return directory;
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
});

test('the runtime’s words are taken out of its log lines', () => {
  const stderr = [
    'time="2026-11-23T12:37:24Z" level=warning msg="something else"',
    String.raw`time="2026-11-23T12:37:24Z" level=error msg="exec failed: exec: \"nosuch\": executable file not found in $PATH\n"`,
  ].join('\n');
  const error = runtimeError(stderr);
  assert.equal(error.kind, 'invalid');
  assert.equal(error.message, 'exec failed: exec: "nosuch": executable file not found in $PATH');
});

test('kinds of the runtime’s failures', () => {
  const kindOf = (text: string): string => runtimeError(text).kind;
  assert.equal(kindOf('container with id x does not exist'), 'notFound');
  assert.equal(kindOf('container not running'), 'notFound');
  assert.equal(kindOf('container with given ID already exists'), 'alreadyExists');
  assert.equal(kindOf('cannot exec in a stopped container'), 'conflict');
  assert.equal(kindOf('exec: "/x": permission denied'), 'invalid');
  assert.equal(kindOf('error during container init: boom'), 'internal');
  assert.equal(runtimeError('').message, 'the runtime failed without a reason');
});

import { parseDetachKeys } from '../../api/docker/detach-keys.ts';
import { flag, integer, list, record, text } from '../../api/docker/shape.ts';
import { frame } from '../../api/docker/frames.ts';
import { isKind, KindError, messageOf } from '../../base/errors.ts';
import type { Attachment } from '../../engine/containers/containers.ts';
import { jsonBody, param, type Call } from '../call.ts';
import { connectStreams } from '../connect-streams.ts';
import { execInspect } from '../encode/exec.ts';
import { parseConsoleSize } from '../parse/container.ts';
import type { Route } from '../router.ts';
import { sizeOf } from './lifecycle.ts';
import { streamType } from './streams.ts';

export const execRoutes: readonly Route[] = [
  { method: 'POST', pattern: '/containers/:id/exec', handle: createExec },
  { method: 'POST', pattern: '/exec/:id/start', handle: startExec },
  { method: 'POST', pattern: '/exec/:id/resize', handle: resizeExec },
  { method: 'GET', pattern: '/exec/:id/json', handle: inspectExec },
];

const execCreate = record({
  AttachStdin: flag,
  AttachStdout: flag,
  AttachStderr: flag,
  Tty: flag,
  DetachKeys: text,
  Env: list(text),
  Cmd: list(text),
  Privileged: flag,
  User: text,
  WorkingDir: text,
  ConsoleSize: list(integer),
});

const execStart = record({ Detach: flag, Tty: flag, ConsoleSize: list(integer) });

async function createExec(call: Call): Promise<void> {
  const body = await jsonBody(call, execCreate);
  if (!body.Cmd || body.Cmd.length === 0) throw new KindError('invalid', 'No exec command specified');
  parseDetachKeys(body.DetachKeys);
  const id = await call.engine.execs.create(param(call, 'id'), {
    command: body.Cmd,
    env: body.Env,
    user: body.User || undefined,
    workingDirectory: body.WorkingDir || undefined,
    tty: body.Tty,
    consoleSize: call.minor < 42 ? undefined : parseConsoleSize(body.ConsoleSize),
    openStdin: body.AttachStdin,
    privileged: body.Privileged,
    detachKeys: body.DetachKeys || undefined,
  });
  call.reply.json({ Id: id }, 201);
}

async function startExec(call: Call): Promise<void> {
  const { execs } = call.engine;
  const body = await jsonBody(call, execStart, { allowEmpty: true });
  const exec = await execs.get(param(call, 'id'));
  const size = call.minor < 42 ? undefined : parseConsoleSize(body.ConsoleSize);
  if (body.Detach) {
    await execs.start(exec.id, { detach: true, size });
    return call.reply.empty(200);
  }
  const tty = exec.spec.tty ?? false;
  const started = await startOrReason(() => execs.start(exec.id, { detach: false, size }));
  const connection = call.reply.hijack(streamType(call, tty));
  if (typeof started === 'string') {
    const message = Buffer.from(`${started}\r\n`);
    return void connection.end(tty ? message : frame('stdout', message));
  }
  if (!started) return void connection.end();
  await connectStreams(connection, started, {
    tty,
    stdin: exec.spec.openStdin ?? false,
    stdout: true,
    stderr: true,
    closeStdin: !tty,
    detachKeys: parseDetachKeys(exec.spec.detachKeys),
    // Clients ask for the exit code as soon as the stream ends.
    beforeEnd: () => execs.wait(exec.id, call.signal),
  });
}

/** As dockerd: a program that cannot be started is told on the stream, and the exit code is 126 or 127. */
async function startOrReason(start: () => Promise<Attachment | undefined>): Promise<Attachment | string | undefined> {
  try {
    return await start();
  } catch (error) {
    if (isKind(error, 'notFound') || isKind(error, 'conflict')) throw error;
    return messageOf(error).startsWith('OCI runtime') ? `${messageOf(error)}: unknown` : messageOf(error);
  }
}

async function resizeExec(call: Call): Promise<void> {
  await call.engine.execs.resize(param(call, 'id'), sizeOf(call));
  call.reply.empty(200);
}

async function inspectExec(call: Call): Promise<void> {
  call.reply.json(execInspect(await call.engine.execs.get(param(call, 'id'))));
}

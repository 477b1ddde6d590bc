import { messageOf } from '../../../base/errors.ts';
import type { Attachment } from '../../../engine/containers/containers.ts';
import type { Engine } from '../../../engine/engine.ts';
import { exitStatus, failureStatus, successStatus, type RemoteSession, type StreamOptions } from './remote-session.ts';

/** Runs a command in a container with its streams connected to the client; its exit code goes out as a Status. */
export async function runExec(
  engine: Engine,
  containerId: string,
  command: readonly string[],
  options: StreamOptions,
  session: RemoteSession,
): Promise<void> {
  await reporting(session, async () => {
    const id = await engine.execs.create(containerId, { command, tty: options.tty, openStdin: options.stdin });
    using streams = await engine.execs.start(id, { detach: false });
    session.onResize((size) => void engine.execs.resize(id, size).catch(() => undefined));
    if (streams) await pump(streams, session);
    return exitStatus(command, await engine.execs.wait(id, session.signal));
  });
}

/** Connects the client to the main process of a container. */
export async function runAttach(engine: Engine, containerId: string, options: StreamOptions, session: RemoteSession): Promise<void> {
  await reporting(session, async () => {
    using streams = await engine.containers.attach(containerId, { stdin: options.stdin });
    session.onResize((size) => void engine.containers.resize(containerId, size).catch(() => undefined));
    await pump(streams, session);
    return successStatus;
  });
}

async function reporting(session: RemoteSession, run: () => Promise<object>): Promise<void> {
  try {
    await session.finish(await run());
  } catch (error) {
    await session.finish(failureStatus(messageOf(error)));
  }
}

/** Until the output ends or the client is gone. Input is fed beside it and ends by itself. */
async function pump(streams: Attachment, session: RemoteSession): Promise<void> {
  void feed(streams, session);
  const left = Promise.withResolvers<void>();
  session.signal.addEventListener('abort', () => left.resolve(), { once: true });
  if (session.signal.aborted) return;
  const output = async (): Promise<void> => {
    for await (const { stream, data } of streams.output) await session.write(stream, data);
  };
  await Promise.race([output(), left.promise]);
}

async function feed(streams: Attachment, session: RemoteSession): Promise<void> {
  if (!session.input) return;
  try {
    for await (const chunk of session.input) await streams.write(chunk as Buffer);
    streams.endInput();
  } catch {
    // The process no longer reads, or the client is gone: the output tells which.
  }
}

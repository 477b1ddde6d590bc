import { request, type IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { controlChannel, firstContextChannel, type SessionMessage } from '../../api/docker/build-session.ts';
import { Channels } from '../../base/channels.ts';
import { KindError, messageOf, type ErrorKind } from '../../base/errors.ts';
import type { BuildInputs, SshSource } from './build-inputs.ts';
import { serveAgent } from './ssh-agent.ts';

/** Sends everything that a build needs and yields what the server says, in order; a failed build throws. */
export async function* runBuildSession(socketPath: string, query: URLSearchParams, inputs: BuildInputs): AsyncGenerator<SessionMessage> {
  const connection = await upgrade(socketPath, `/davit/build?${query.toString()}`);
  const channels = new Channels(connection);
  const control = channels.open(controlChannel);
  const streams = inputs.tars.map((_, index) => channels.open(firstContextChannel + index));
  const reading = channels.read();
  const sending = send(control, JSON.stringify(inputs.header), inputs, streams);
  sending.catch(() => undefined);
  let isOver = false;
  try {
    for await (const line of createInterface({ input: control, crlfDelay: Infinity })) {
      const message = JSON.parse(line) as SessionMessage;
      if ('agent' in message) void joinAgent(channels.open(message.agent.channel), inputs.agents[message.agent.id]);
      else if ('error' in message)
        throw new KindError(message.error.kind as ErrorKind, message.error.message, { details: message.error.details });
      else {
        isOver ||= 'imageId' in message || 'checked' in message;
        yield message;
      }
    }
    if (!isOver) throw new KindError('unavailable', 'davit ended before the build did: see its log, and build again');
  } finally {
    connection.destroy();
    for (const tar of inputs.tars) tar.destroy();
    await Promise.allSettled([reading, sending]);
  }
}

async function send(control: Duplex, header: string, inputs: BuildInputs, streams: readonly Duplex[]): Promise<void> {
  control.end(header);
  for (const [index, tar] of inputs.tars.entries()) await pipeline(tar, streams[index] as Duplex, { end: true });
}

async function joinAgent(channel: Duplex, source: SshSource | undefined): Promise<void> {
  if (source === undefined) return void channel.destroy();
  if ('keys' in source) return serveAgent(channel, source.keys).catch(() => void channel.destroy());
  const agent = connect(source.socket);
  agent.on('error', () => channel.destroy());
  await Promise.allSettled([pipeline(channel, agent), pipeline(agent, channel)]);
}

function upgrade(socketPath: string, path: string): Promise<Duplex> {
  const outgoing = request({ socketPath, method: 'POST', path, headers: { connection: 'Upgrade', upgrade: 'tcp', 'content-length': 0 } });
  return new Promise((resolve, reject) => {
    outgoing.once('upgrade', (_: IncomingMessage, socket: Duplex, head: Buffer) => {
      if (head.length > 0) socket.unshift(head);
      resolve(socket);
    });
    outgoing.once('response', (response) => void refused(response).then(reject, reject));
    outgoing.once('error', (error) =>
      reject(
        new KindError('unavailable', `reach davit at ${socketPath}: ${messageOf(error)}: is it running? (davit status; davit up)`, {
          cause: error,
        }),
      ),
    );
    outgoing.end();
  });
}

async function refused(response: IncomingMessage): Promise<KindError> {
  const answer = await text(response);
  const { message = answer } = JSON.parse(answer) as { message?: string };
  return new KindError(response.statusCode === 404 ? 'notFound' : 'invalid', message);
}

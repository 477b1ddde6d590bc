import { PassThrough, type Duplex, type Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import {
  controlChannel,
  firstAgentChannel,
  firstContextChannel,
  headerShape,
  type BuildHeader,
  type SessionMessage,
} from '../api/docker/build-session.ts';
import { parseBody } from '../api/docker/shape.ts';
import { Channels } from '../base/channels.ts';
import { KindError, kindOf, messageOf } from '../base/errors.ts';
import type { BuildRequest, NamedContext } from '../engine/build/builder.ts';
import type { Call } from './call.ts';
import { parseBuild } from './parse/build.ts';
import { writeTo } from './reply.ts';

/** One `davit build`: see api/docker/build-session.ts. Ends when the build has, or the client is gone. */
export async function serveBuild(call: Call): Promise<void> {
  const query = parseBuild(call.query);
  const connection = call.reply.hijack('application/vnd.davit.build');
  const channels = new Channels(connection);
  const control = channels.open(controlChannel);
  // Opened before anything is read, so that nothing that comes is dropped.
  const contexts = Array.from({ length: mostContexts }, (_, index) => channels.open(firstContextChannel + index));
  const reading = channels.read();
  const send = (message: SessionMessage): Promise<void> => writeTo(control, `${JSON.stringify(message)}\n`);
  try {
    const header = parseBody((await text(control)) || '{}', headerShape);
    const request = requestOf(query, header, contexts, agentsOf(header, channels, send));
    for await (const output of call.engine.builder.build(request, call.signal)) {
      if ('event' in output) await send({ event: output.event });
      else if ('imageId' in output || 'checked' in output) await send(output);
    }
  } catch (error) {
    const details = error instanceof KindError ? error.details : undefined;
    await send({ error: { message: messageOf(error), kind: kindOf(error), details } });
  }
  control.end();
  await new Promise((resolve) => control.once('finish', resolve).once('close', resolve));
  connection.end();
  for (const context of contexts) context.destroy();
  await reading;
}

const mostContexts = 100;

function requestOf(
  query: ReturnType<typeof parseBuild>,
  header: BuildHeader,
  channels: readonly Readable[],
  agents: BuildRequest['agents'],
): BuildRequest {
  let next = 0;
  const take = (): Readable => {
    const channel = channels[next++];
    if (!channel) throw new KindError('invalid', `more than ${mostContexts} contexts`);
    return channel;
  };
  const context = header.hasContext === true ? take() : new PassThrough().end();
  const entries = (header.contexts ?? []).map(([name = '', what = '']): readonly [string, NamedContext] => {
    if (what === 'tar') return [name, { tar: take() }];
    return [name, what.startsWith('image:') ? { image: what.slice('image:'.length) } : { remote: what.slice('remote:'.length) }];
  });
  return {
    ...query,
    context,
    hasNoContext: header.hasContext !== true,
    ...(header.dockerfile !== undefined && { inline: { dockerfile: header.dockerfile, ignore: header.ignore } }),
    contexts: Object.fromEntries(entries),
    secrets: Object.fromEntries(Object.entries(header.secrets ?? {}).map(([id, value]) => [id, Buffer.from(value, 'base64')])),
    agents,
  };
}

/** Each connection of a step to its agent is a channel of its own. */
function agentsOf(header: BuildHeader, channels: Channels, send: (message: SessionMessage) => Promise<void>): BuildRequest['agents'] {
  let channel = firstAgentChannel;
  const connect = (id: string) => async (): Promise<Duplex> => {
    const number = channel++;
    const stream = channels.open(number);
    await send({ agent: { id, channel: number } });
    return stream;
  };
  return Object.fromEntries((header.agents ?? []).map((id) => [id, connect(id)]));
}

import type { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { parseDetachKeys } from '../../api/docker/detach-keys.ts';
import { frame, streamTypes } from '../../api/docker/frames.ts';
import { parseTime } from '../../api/docker/time.ts';
import { KindError } from '../../base/errors.ts';
import type { Container } from '../../engine/containers/container.ts';
import type { LogLine, LogOptions } from '../../engine/containers/containers.ts';
import { flagParam, param, type Call } from '../call.ts';
import { requestFacts } from '../parse/annotation.ts';
import { logDetails } from '../parse/log-config.ts';
import { connectStreams } from '../connect-streams.ts';
import { writeTo } from '../reply.ts';
import type { Route } from '../router.ts';

export const streamRoutes: readonly Route[] = [
  { method: 'GET', pattern: '/containers/:id/logs', handle: logs },
  { method: 'POST', pattern: '/containers/:id/attach', handle: attach },
  { method: 'GET', pattern: '/containers/:id/attach/ws', handle: attachWebSocket },
];

/** Clients of API 1.42 and newer are told how the stream is encoded. */
export function streamType(call: Call, tty: boolean): string {
  return tty || call.minor < 42 ? streamTypes.raw : streamTypes.multiplexed;
}

async function logs(call: Call): Promise<void> {
  const { containers } = call.engine;
  const options = logOptions(call.query);
  const container = await containers.get(param(call, 'id'));
  if (container.spec.logDriver === 'none') throw new KindError('notImplemented', 'configured logging driver does not support reading');
  const tty = container.spec.tty ?? false;
  const timestamps = flagParam(call.query, 'timestamps');
  const details = detailsOf(call, container);
  call.reply.begin(streamType(call, tty));
  for await (const line of containers.logs(container.id, options, call.signal)) {
    const text = details === undefined ? line.data : Buffer.concat([Buffer.from(`${details} `), line.data]);
    const data = timestamps ? stamped(line, text) : text;
    await call.reply.write(tty ? data : frame(line.stream, data));
  }
  call.reply.end();
}

function stamped({ time }: LogLine, text: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${time} `), text]);
}

/** What the log driver's options say is worth knowing of every line; undefined when nobody asks. */
function detailsOf(call: Call, container: Container): string | undefined {
  if (!flagParam(call.query, 'details')) return undefined;
  return logDetails(requestFacts(container.spec.annotations)?.LogOptions ?? {}, container);
}

export function logOptions(query: URLSearchParams): LogOptions {
  const options = {
    follow: flagParam(query, 'follow'),
    stdout: flagParam(query, 'stdout'),
    stderr: flagParam(query, 'stderr'),
    since: parseTime('since', query.get('since')),
    until: parseTime('until', query.get('until')),
    tail: parseTail(query.get('tail')),
  };
  if (!options.stdout && !options.stderr) throw new KindError('invalid', 'Bad parameters: you must choose at least one stream');
  return options;
}

/** Not a number: all, as dockerd has it. */
function parseTail(tail: string | null): number | undefined {
  const count = Number(tail || 'all');
  return Number.isInteger(count) && count >= 0 ? count : undefined;
}

async function attach(call: Call): Promise<void> {
  const { containers } = call.engine;
  const container = await containers.get(param(call, 'id'));
  const wants = (name: string): boolean => flagParam(call.query, name);
  const tty = container.spec.tty ?? false;
  const detachKeys = parseDetachKeys(call.query.get('detachKeys'));
  const stdin = wants('stdin') && (container.spec.openStdin ?? false);
  const isAnyWanted = ['stdin', 'stdout', 'stderr'].some(wants);
  const attachment = wants('stream') && isAnyWanted ? await containers.attach(container.id, { stdin }) : undefined;
  if (call.body !== call.request) await discard(call.body);
  const connection = call.reply.hijack(streamType(call, tty));
  if (wants('logs')) {
    const options: LogOptions = { follow: false, stdout: wants('stdout'), stderr: wants('stderr') };
    for await (const line of containers.logs(container.id, options, call.signal)) {
      await writeTo(connection, tty ? line.data : frame(line.stream, line.data));
    }
  }
  if (!attachment) return void connection.end();
  const closeStdin = (container.spec.stdinOnce ?? false) && !tty;
  await connectStreams(connection, attachment, { tty, stdin, stdout: wants('stdout'), stderr: wants('stderr'), closeStdin, detachKeys });
}

/** Some clients send their options as a body too; with an upgrade the input begins behind it. */
async function discard(body: Readable): Promise<void> {
  body.resume();
  await finished(body);
}

/** Both outputs as they are, in binary messages. Before API 1.42 all streams were meant, whatever was asked for. */
async function attachWebSocket(call: Call): Promise<void> {
  const { containers } = call.engine;
  const container = await containers.get(param(call, 'id'));
  const wants = (name: string): boolean => call.minor < 42 || flagParam(call.query, name);
  const tty = container.spec.tty ?? false;
  const detachKeys = parseDetachKeys(call.query.get('detachKeys'));
  const stdin = wants('stdin') && (container.spec.openStdin ?? false);
  const attachment = flagParam(call.query, 'stream') ? await containers.attach(container.id, { stdin }) : undefined;
  const connection = await call.reply.webSocket();
  if (flagParam(call.query, 'logs')) {
    const options: LogOptions = { follow: false, stdout: wants('stdout'), stderr: wants('stderr') };
    for await (const line of containers.logs(container.id, options, call.signal)) await writeTo(connection, line.data);
  }
  if (!attachment) return void connection.end();
  const closeStdin = (container.spec.stdinOnce ?? false) && !tty;
  const streams = { stdout: wants('stdout'), stderr: wants('stderr') };
  await connectStreams(connection, attachment, { tty, isRaw: true, stdin, ...streams, closeStdin, detachKeys });
}

import type { ServerResponse } from 'node:http';
import { KindError } from '../../../base/errors.ts';
import type { Containers, LogOptions } from '../../../engine/containers/containers.ts';

export interface LogRequest extends LogOptions {
  readonly timestamps: boolean;
  readonly limitBytes: number | undefined;
  readonly previous: boolean;
}

/** The query of `GET …/containerLogs`, as kubectl's PodLogOptions. */
export function parseLogQuery(query: URLSearchParams): LogRequest {
  const flag = (name: string): boolean => ['true', '1'].includes(query.get(name) ?? '');
  const number = (name: string): number | undefined => {
    const text = query.get(name);
    if (text === null || text === '') return undefined;
    if (!/^\d+$/.test(text)) throw new KindError('invalid', `invalid ${name} "${text}": must be a number greater than or equal to 0`);
    return Number(text);
  };
  const seconds = number('sinceSeconds');
  const time = query.get('sinceTime');
  const since = seconds === undefined ? (time ? new Date(time) : undefined) : new Date(Date.now() - seconds * 1000);
  const stream = query.get('stream') ?? 'All';
  return {
    follow: flag('follow'),
    stdout: stream !== 'Stderr',
    stderr: stream !== 'Stdout',
    since,
    tail: number('tailLines'),
    timestamps: flag('timestamps'),
    limitBytes: number('limitBytes'),
    previous: flag('previous'),
  };
}

/** Streams a container's log; ends when it is told, when the container has ended, or when the client has left. */
export async function sendLogs(
  response: ServerResponse,
  containers: Pick<Containers, 'logs'>,
  id: string,
  request: LogRequest,
  signal: AbortSignal,
): Promise<void> {
  response.writeHead(200, { 'content-type': 'text/plain' });
  response.flushHeaders();
  let left = request.limitBytes ?? Infinity;
  for await (const line of containers.logs(id, request, signal)) {
    const data = request.timestamps ? Buffer.concat([Buffer.from(`${line.time} `), line.data]) : line.data;
    const part = data.subarray(0, Math.min(data.length, left));
    left -= part.length;
    if (!response.write(part)) await drained(response, signal);
    if (left <= 0 || signal.aborted) break;
  }
  response.end();
}

function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  response.once('drain', resolve);
  signal.addEventListener('abort', () => resolve(), { once: true });
  return promise;
}

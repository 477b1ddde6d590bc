import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { text } from 'node:stream/consumers';
import { KindError, type ErrorKind } from '../base/errors.ts';

/** One request to davit's Docker socket; the body of the answer as text. Non-2xx answers are errors with Docker's message. */
export async function dockerRequest(socketPath: string, method: string, path: string, body?: Readable): Promise<string> {
  const outgoing = request({ socketPath, method, path, headers: body ? { 'content-type': 'application/x-tar' } : {} });
  const answered = once(outgoing, 'response') as Promise<[IncomingMessage]>;
  answered.catch(() => undefined);
  try {
    if (body) await pipeline(body, outgoing);
    else outgoing.end();
    const [response] = await answered;
    const answer = await text(response);
    const status = response.statusCode ?? 500;
    if (status < 300) return answer;
    const kind: ErrorKind = status === 404 ? 'notFound' : 'internal';
    throw new KindError(kind, (JSON.parse(answer) as { message?: string }).message ?? answer);
  } catch (error) {
    if (error instanceof KindError) throw error;
    throw new KindError('unavailable', `reach davit at ${socketPath}: ${String(error)}: is it running? (davit status; davit up)`, {
      cause: error,
    });
  }
}

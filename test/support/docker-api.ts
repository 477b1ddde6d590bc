import { request } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** One request to a Docker socket with a JSON document or a tar; rejects when the connection breaks before the answer is whole. */
export function dockerApi(socketPath: string, method: string, path: string, body?: object | Buffer): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const headers = { 'Content-Type': Buffer.isBuffer(body) ? 'application/x-tar' : 'application/json' };
  const sent = request({ socketPath, method, path: `/v1.48${path}`, headers }, (response) => {
    const chunks: Buffer[] = [];
    response.on('data', (chunk: Buffer) => chunks.push(chunk));
    response.on('error', reject);
    response.on('end', () =>
      response.complete
        ? resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() })
        : reject(new Error(`${method} ${path}: cut off`)),
    );
  });
  sent.on('error', reject);
  sent.end(body === undefined || Buffer.isBuffer(body) ? body : JSON.stringify(body));
  return promise;
}

import { request } from 'node:https';
import type { LiveServer } from '../live.fake.ts';

/** What the administrator is answered, over a connection of its own. */
export function get(
  live: LiveServer,
  path: string,
  accept = 'application/json',
): Promise<{ readonly code: number; readonly text: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ readonly code: number; readonly text: string }>();
  const outgoing = request(`${live.api.url}${path}`, { ca: live.ca, ...live.admin, headers: { accept }, agent: false }, (incoming) => {
    void incoming
      .toArray()
      .then((chunks: Buffer[]) => resolve({ code: incoming.statusCode ?? 0, text: Buffer.concat(chunks).toString() }), reject);
  });
  outgoing.on('error', reject);
  outgoing.end();
  return promise;
}

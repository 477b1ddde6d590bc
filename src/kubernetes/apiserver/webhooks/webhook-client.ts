import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import type { Store } from '../../../store/store.ts';
import { readyEndpoints } from '../service-endpoint.ts';

/** Where a webhook answers, as configurations and definitions say it. */
export interface WebhookTarget {
  readonly url?: string;
  readonly service?: { readonly namespace: string; readonly name: string; readonly path?: string; readonly port?: number };
  /** Base64 of the PEM of the authority behind its certificate; the system's where it is left out. */
  readonly caBundle?: string;
}

interface Address {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly servername?: string;
}

const largest = 16 * 2 ** 20;

/** Posts JSON to a webhook and reads JSON; throws what went wrong. */
export async function callWebhook(store: Store, target: WebhookTarget, body: object, signal: AbortSignal): Promise<unknown> {
  const { host, port, path, servername } = addressOf(store, target);
  const ca = target.caBundle ? Buffer.from(target.caBundle, 'base64').toString('utf8') : undefined;
  const text = JSON.stringify(body);
  const headers = { 'content-type': 'application/json', accept: 'application/json', 'content-length': Buffer.byteLength(text) };
  const outgoing = request({ host, port, path, servername, ca, headers, method: 'POST', agent: false, signal });
  outgoing.end(text);
  const [answer] = (await once(outgoing, 'response', { signal })) as [IncomingMessage];
  outgoing.on('error', () => undefined);
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > largest) throw new Error(`the webhook's answer is larger than ${largest} bytes`);
    chunks.push(chunk);
  }
  const answered = Buffer.concat(chunks).toString('utf8');
  if (answer.statusCode !== 200)
    throw new Error(`the server responded with the status code ${answer.statusCode}: ${answered.slice(0, 200)}`);
  return JSON.parse(answered);
}

function addressOf(store: Store, { url, service }: WebhookTarget): Address {
  if (url) {
    const { hostname, port, pathname, search } = new URL(url);
    return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 443), path: `${pathname}${search}` };
  }
  if (!service) throw new Error('the webhook has neither url nor service');
  const { namespace, name, path = '/', port = 443 } = service;
  const [endpoint] = readyEndpoints(store, namespace, name, port);
  if (!endpoint) throw new Error(`no endpoints available for service "${name}"`);
  return { ...endpoint, path, servername: `${name}.${namespace}.svc` };
}

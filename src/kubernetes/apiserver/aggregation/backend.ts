import { once } from 'node:events';
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { Agent, request } from 'node:https';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { APIService } from '../../../api/kubernetes/types.generated.ts';
import type { Store } from '../../../store/store.ts';
import { readyEndpoints, type Endpoint } from '../service-endpoint.ts';

/** With which davit presents itself to the servers behind it; `ca` is whom they check it against. */
export interface FrontProxy {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** How the TLS of a server behind is made: what a plain connection needs as well as a request. */
export interface BackendTls {
  readonly cert: string;
  readonly key: string;
  readonly ca?: string;
  readonly servername: string;
  readonly rejectUnauthorized: boolean;
}

export interface BackendRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: OutgoingHttpHeaders;
  readonly body?: AsyncIterable<Uint8Array>;
  /** Only to see whether it answers: whatever its certificate. */
  readonly isCheck?: true;
}

/** An APIService with a Service behind it. */
export interface RemoteService extends APIService {
  readonly spec: NonNullable<APIService['spec']> & { readonly service: NonNullable<NonNullable<APIService['spec']>['service']> };
}

export function isRemote(service: APIService): service is RemoteService {
  return service.spec?.service !== undefined;
}

const largestDocument = 32 * 2 ** 20;

/** Requests to the servers behind APIServices; connections are kept as long as an APIService says the same. */
export class Backends implements Disposable {
  readonly #store: Store;
  readonly #frontProxy: FrontProxy;
  readonly #agents = new Map<string, { readonly tls: string; readonly agent: Agent }>();

  constructor(store: Store, frontProxy: FrontProxy) {
    this.#store = store;
    this.#frontProxy = frontProxy;
  }

  /** One of the ready endpoints, another at each call; throws when there is none. */
  endpointOf({ spec: { service } }: RemoteService): Endpoint {
    const all = readyEndpoints(this.#store, service.namespace ?? '', service.name ?? '', service.port ?? 443);
    return all[Math.floor(Math.random() * all.length)] as Endpoint;
  }

  tlsOf({ spec }: RemoteService, isCheck = false): BackendTls {
    const { cert, key } = this.#frontProxy;
    const ca = spec.caBundle && !isCheck ? Buffer.from(spec.caBundle, 'base64').toString('utf8') : undefined;
    const servername = `${spec.service.name}.${spec.service.namespace}.svc`;
    return { cert, key, servername, rejectUnauthorized: !isCheck && spec.insecureSkipTLSVerify !== true, ...(ca && { ca }) };
  }

  /** The head of the answer, with its body to be read. Throws what is in the way. */
  async send(service: RemoteService, asked: BackendRequest, signal: AbortSignal): Promise<IncomingMessage> {
    const { method, path, headers, body, isCheck } = asked;
    const { host, port } = this.endpointOf(service);
    const outgoing = request({ host, port, method, path, headers, signal, agent: this.#agentOf(service, isCheck === true) });
    // Without a body that never comes a failure to send it is the failure of the request.
    const sending = body ? pipeline(Readable.from(body), outgoing) : Promise.resolve(outgoing.end());
    sending.catch(() => undefined);
    const [answer] = (await once(outgoing, 'response')) as [IncomingMessage];
    outgoing.on('error', () => undefined);
    return answer;
  }

  /** A JSON document of the server behind; undefined where it has none. */
  async document(service: RemoteService, path: string, headers: OutgoingHttpHeaders, signal: AbortSignal): Promise<unknown> {
    const answer = await this.send(service, { method: 'GET', path, headers: { accept: 'application/json', ...headers } }, signal);
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > largestDocument) throw new Error(`${path} is longer than ${largestDocument} bytes`);
      chunks.push(chunk);
    }
    return answer.statusCode === 200 ? JSON.parse(Buffer.concat(chunks).toString('utf8')) : undefined;
  }

  forget(name: string): void {
    for (const key of [name, `${name} check`]) {
      this.#agents.get(key)?.agent.destroy();
      this.#agents.delete(key);
    }
  }

  [Symbol.dispose](): void {
    for (const { agent } of this.#agents.values()) agent.destroy();
    this.#agents.clear();
  }

  #agentOf(service: RemoteService, isCheck: boolean): Agent {
    const key = `${service.metadata.name ?? ''}${isCheck ? ' check' : ''}`;
    const options = this.tlsOf(service, isCheck);
    const tls = JSON.stringify(options);
    const known = this.#agents.get(key);
    if (known?.tls === tls) return known.agent;
    known?.agent.destroy();
    const agent = new Agent({ ...options, keepAlive: true, maxFreeSockets: 16 });
    this.#agents.set(key, { tls, agent });
    return agent;
  }
}

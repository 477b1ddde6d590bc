import type { ClientHttp2Stream } from 'node:http2';
import type { Kind, KubernetesObject } from '../../api/kubernetes/kinds.ts';
import { pods, serviceAccounts } from '../../api/kubernetes/kinds.ts';
import {
  isOwnedBy,
  type Client,
  type IssuedToken,
  type TokenClient,
  type TokenSpec,
  type DeleteOptions,
  type ListOptions,
  type ObjectKey,
  type ObjectList,
  type Patch,
  type WatchEvent,
  type OwnedBy,
} from './client.ts';
import { Connection, linesOf, textOf, type ConnectionOptions } from './connection.ts';
import { apiVersionOf, queryOf, resourcePath } from './paths.ts';
import { statusError } from './status-error.ts';

const patchTypes: Readonly<Record<Patch['type'], string>> = {
  json: 'application/json-patch+json',
  merge: 'application/merge-patch+json',
  strategic: 'application/strategic-merge-patch+json',
  apply: 'application/apply-patch+yaml',
};

/** A request that has no answer by then has failed; watches have no limit. */
const answerMs = 30_000;

/** The client over HTTPS, authenticated by certificate. Requests and watches share one connection. */
export function httpClient(options: ConnectionOptions): Client & TokenClient & AsyncDisposable {
  return new HttpClient(new Connection(options));
}

class HttpClient implements Client, TokenClient, AsyncDisposable {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  get<T extends KubernetesObject>(kind: Kind<T>, key: ObjectKey): Promise<T> {
    return this.#ask('GET', resourcePath(kind, key.namespace, key.name));
  }

  async list<T extends KubernetesObject>(kind: Kind<T>, options: ListOptions & OwnedBy = {}): Promise<ObjectList<T>> {
    const path = resourcePath(kind, options.namespace) + queryOf(options);
    const list = await this.#ask<{ readonly metadata: { readonly resourceVersion: string }; readonly items?: readonly T[] }>('GET', path);
    // Items of a typed list carry no kind of their own.
    const items = (list.items ?? []).map((item) => ({ ...item, apiVersion: apiVersionOf(kind), kind: kind.kind }));
    return { resourceVersion: list.metadata.resourceVersion, items: items.filter((item) => isOwnedBy(item, options)) };
  }

  async *watch<T extends KubernetesObject>(
    kind: Kind<T>,
    options: ListOptions & { readonly resourceVersion: string },
    signal: AbortSignal,
  ): AsyncGenerator<WatchEvent<T>, void, undefined> {
    if (signal.aborted) return;
    const query = queryOf(options, { watch: '1', resourceVersion: options.resourceVersion, allowWatchBookmarks: 'true' });
    const path = resourcePath(kind, options.namespace) + query;
    const headers = { ':method': 'GET', ':path': path, accept: 'application/json' };
    let stream: ClientHttp2Stream | undefined;
    try {
      const answer = await this.#connection.send(headers, undefined, signal);
      stream = answer.stream;
      if (answer.code !== 200) throw statusError(answer.code, await textOf(stream));
      for await (const line of linesOf(stream)) {
        const event = JSON.parse(line) as { readonly type: string; readonly object: { readonly code?: number } };
        if (event.type === 'ERROR') throw statusError(event.object.code ?? 500, JSON.stringify(event.object));
        yield event as unknown as WatchEvent<T>;
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      stream?.destroy();
    }
  }

  create<T extends KubernetesObject>(kind: Kind<T>, object: T): Promise<T> {
    return this.#ask('POST', resourcePath(kind, object.metadata.namespace), object);
  }

  update<T extends KubernetesObject>(kind: Kind<T>, object: T, subresource?: 'status' | 'finalize'): Promise<T> {
    const { namespace, name } = object.metadata;
    return this.#ask('PUT', resourcePath(kind, namespace, name, subresource), object);
  }

  patch<T extends KubernetesObject>(kind: Kind<T>, key: ObjectKey, patch: Patch, subresource?: 'status' | 'scale'): Promise<T> {
    const query = new URLSearchParams();
    if (patch.fieldManager !== undefined) query.set('fieldManager', patch.fieldManager);
    if (patch.force !== undefined) query.set('force', String(patch.force));
    const path = resourcePath(kind, key.namespace, key.name, subresource) + (query.size === 0 ? '' : `?${query.toString()}`);
    return this.#ask('PATCH', path, patch.body, patchTypes[patch.type]);
  }

  async delete<T extends KubernetesObject>(kind: Kind<T>, key: ObjectKey, options: DeleteOptions = {}): Promise<void> {
    const { uid, resourceVersion, ...rest } = options;
    const preconditions = uid === undefined && resourceVersion === undefined ? undefined : { uid, resourceVersion };
    const body = { apiVersion: 'v1', kind: 'DeleteOptions', ...rest, preconditions };
    await this.#ask('DELETE', resourcePath(kind, key.namespace, key.name), body);
  }

  async bind(key: ObjectKey, nodeName: string): Promise<void> {
    const target = { apiVersion: 'v1', kind: 'Node', name: nodeName };
    const binding = { apiVersion: 'v1', kind: 'Binding', metadata: key, target };
    await this.#ask('POST', resourcePath(pods, key.namespace, key.name, 'binding'), binding);
  }

  async requestToken(account: ObjectKey, spec: TokenSpec): Promise<IssuedToken> {
    const path = resourcePath(serviceAccounts, account.namespace, account.name, 'token');
    const request = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec };
    return (await this.#ask<{ readonly status: IssuedToken }>('POST', path, request)).status;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#connection[Symbol.asyncDispose]();
  }

  async #ask<R>(method: string, path: string, body?: unknown, type = 'application/json'): Promise<R> {
    const head = { ':method': method, ':path': path, accept: 'application/json', 'user-agent': 'davit' };
    const headers = body === undefined ? head : { ...head, 'content-type': type };
    const limit = AbortSignal.timeout(answerMs);
    const { code, stream } = await this.#connection.send(headers, body === undefined ? undefined : JSON.stringify(body), limit);
    const text = await textOf(stream);
    if (code >= 300) throw statusError(code, text);
    return JSON.parse(text) as R;
  }
}

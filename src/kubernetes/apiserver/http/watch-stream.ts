import { once } from 'node:events';
import { isKind } from '../../../base/errors.ts';
import { watchObjects, type RegistryEvent, type WatchQuery } from '../registry/reads.ts';
import type { Registry } from '../registry/registry.ts';
import { apiVersion, type Resource } from '../resources.ts';
import { apiError, statusOf } from '../status.ts';
import type { Exchange } from './exchange.ts';
import { contentType, formOf, objectText, type Form } from './representation.ts';
import { isTrue } from './target.ts';

const longestSeconds = 3600;
const bookmarkEveryMs = 60_000;
/** A client that takes nothing for so long is cut off. */
const stalledMs = 60_000;

/** Streams changes as lines of JSON until the client goes, the time is over, or the history is gone. */
export async function streamWatch(exchange: Exchange, registry: Registry, resource: Resource, query: WatchQuery): Promise<void> {
  const form = formOf(exchange.headers.accept);
  const ending = new AbortController();
  const asked = Number(exchange.query.get('timeoutSeconds') ?? 0) || longestSeconds;
  const timer = setTimeout(() => ending.abort(), Math.min(asked, longestSeconds) * 1000);
  const signal = AbortSignal.any([exchange.signal, ending.signal]);
  const writer = new EventWriter(exchange, resource, form, signal);
  const wantsBookmarks = isTrue(exchange.query.get('allowWatchBookmarks'));
  const bookmarks = wantsBookmarks ? setInterval(() => writer.bookmark(), bookmarkEveryMs) : undefined;
  try {
    await pump(exchange, registry, resource, query, writer, signal);
  } finally {
    clearTimeout(timer);
    clearInterval(bookmarks);
    exchange.outgoing.end();
  }
}

async function pump(
  exchange: Exchange,
  registry: Registry,
  resource: Resource,
  query: WatchQuery,
  writer: EventWriter,
  signal: AbortSignal,
): Promise<void> {
  const events = watchObjects(registry.store, resource, query, signal);
  // The head goes out at once: clients wait for it before anything happens.
  exchange.outgoing.writeHead(200, { 'content-type': contentType(writer.form), 'cache-control': 'no-cache, private' });
  writer.flush();
  try {
    for await (const batch of events) {
      await writer.write(batch);
      if (signal.aborted) return;
    }
  } catch (error) {
    if (isKind(error, 'canceled') || signal.aborted) return;
    exchange.outgoing.write(`${JSON.stringify({ type: 'ERROR', object: statusOf(error) })}\n`);
  }
}

class EventWriter {
  readonly form: Form;
  readonly #exchange: Exchange;
  readonly #resource: Resource;
  readonly #signal: AbortSignal;
  #hasColumns = false;
  #revision: string | undefined;

  constructor(exchange: Exchange, resource: Resource, form: Form, signal: AbortSignal) {
    this.form = form;
    this.#exchange = exchange;
    this.#resource = resource;
    this.#signal = signal;
  }

  flush(): void {
    const { outgoing } = this.#exchange;
    if ('flushHeaders' in outgoing && typeof outgoing.flushHeaders === 'function') outgoing.flushHeaders();
  }

  /** One write for the whole batch; waits while the client is behind. */
  async write(batch: readonly RegistryEvent[]): Promise<void> {
    const lines = batch.map((event) => this.#line(event)).join('');
    if (this.#exchange.outgoing.write(lines)) return;
    const patience = AbortSignal.any([this.#signal, AbortSignal.timeout(stalledMs)]);
    try {
      await once(this.#exchange.outgoing as unknown as NodeJS.EventEmitter, 'drain', { signal: patience });
    } catch {
      throw apiError('Timeout', 'the watcher did not read for too long');
    }
  }

  bookmark(): void {
    if (this.#revision !== undefined) this.#exchange.outgoing.write(this.#bookmark(this.#revision, false));
  }

  #line(event: RegistryEvent): string {
    if (event.type === 'BOOKMARK') {
      this.#revision = event.resourceVersion;
      return this.#bookmark(event.resourceVersion, event.isInitialEnd);
    }
    this.#revision = event.object.metadata.resourceVersion;
    const text = objectText(this.#exchange, this.#resource, event.object, this.form, !this.#hasColumns);
    this.#hasColumns = true;
    return `{"type":"${event.type}","object":${text}}\n`;
  }

  #bookmark(resourceVersion: string, isInitialEnd: boolean): string {
    const annotations = isInitialEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {};
    const metadata = { resourceVersion, creationTimestamp: null, ...annotations };
    const object = { kind: this.#resource.kind, apiVersion: apiVersion(this.#resource), metadata };
    return `${JSON.stringify({ type: 'BOOKMARK', object })}\n`;
  }
}

import { once } from 'node:events';
import { watchObjects, type RegistryEvent, type WatchQuery } from '../registry/reads.ts';
import type { Registry } from '../registry/registry.ts';
import { apiVersion, type Resource } from '../resources.ts';
import { statusOf } from '../status.ts';
import type { Exchange } from './exchange.ts';
import { contentType, formOf, objectText, partial, type Form } from './representation.ts';

const longestSeconds = 3600;
const bookmarkEveryMs = 60_000;
/** A last bookmark comes so long before the end, so that the client goes on from there. */
const bookmarkBeforeEndMs = 2000;
/** A client that takes nothing for so long is cut off. */
const patienceMs = 60_000;
/** Characters that it has to take meanwhile: one that reads slowly takes them, and stays. */
const pieceLength = 1 << 18;

export interface WatchRequest {
  readonly exchange: Exchange;
  readonly registry: Registry;
  readonly resource: Resource;
  readonly watchPatienceMs?: number | undefined;
}

/** Streams changes as lines of JSON until the client goes, the time is over, or the history is gone. */
export async function streamWatch(
  { exchange, registry, resource, watchPatienceMs = patienceMs }: WatchRequest,
  query: WatchQuery,
): Promise<void> {
  const form = formOf(exchange.headers.accept);
  const ending = new AbortController();
  const signal = AbortSignal.any([exchange.signal, ending.signal]);
  let taken: () => number | undefined = () => undefined;
  const events = watchObjects(registry.store, resource, query, signal, (ask) => (taken = ask));
  const asked = Number(exchange.query.get('timeoutSeconds') ?? 0) || longestSeconds;
  const lastsMs = Math.min(asked, longestSeconds) * 1000;
  using timers = new DisposableStack();
  timers.use(setTimeout(() => ending.abort(), lastsMs));
  const writer = new EventWriter(exchange, resource, form, watchPatienceMs, signal);
  if (query.wantsBookmarks) {
    const bookmark = (): void => writer.bookmark(taken());
    timers.use(setInterval(bookmark, bookmarkEveryMs));
    if (lastsMs > bookmarkBeforeEndMs) timers.use(setTimeout(bookmark, lastsMs - bookmarkBeforeEndMs));
  }
  try {
    await pump(events, writer, signal);
  } finally {
    exchange.outgoing.end();
  }
}

async function pump(events: AsyncIterable<readonly RegistryEvent[]>, writer: EventWriter, signal: AbortSignal): Promise<void> {
  writer.start();
  try {
    for await (const batch of events) {
      if (!(await writer.write(batch)) || signal.aborted) return;
    }
  } catch (error) {
    if (!signal.aborted) writer.fail(error);
  }
}

class EventWriter {
  readonly #form: Form;
  readonly #exchange: Exchange;
  readonly #resource: Resource;
  readonly #patienceMs: number;
  readonly #signal: AbortSignal;
  #hasColumns = false;

  constructor(exchange: Exchange, resource: Resource, form: Form, patience: number, signal: AbortSignal) {
    this.#form = form;
    this.#exchange = exchange;
    this.#resource = resource;
    this.#patienceMs = patience;
    this.#signal = signal;
  }

  /** The head goes out at once: clients wait for it before anything happens. */
  start(): void {
    const { outgoing } = this.#exchange;
    outgoing.writeHead(200, { 'content-type': contentType(this.#form), 'cache-control': 'no-cache, private' });
    if ('flushHeaders' in outgoing && typeof outgoing.flushHeaders === 'function') outgoing.flushHeaders();
  }

  fail(error: unknown): void {
    this.#exchange.outgoing.write(`${JSON.stringify({ type: 'ERROR', object: statusOf(error) })}\n`);
  }

  /** Few writes for a batch; waits while the client is behind. False: it took nothing for too long and is cut off. */
  async write(batch: readonly RegistryEvent[]): Promise<boolean> {
    let piece = '';
    for (const event of batch) {
      piece += this.#line(event);
      if (piece.length < pieceLength) continue;
      if (!(await this.#send(piece))) return false;
      piece = '';
    }
    return piece === '' || this.#send(piece);
  }

  async #send(text: string): Promise<boolean> {
    const { outgoing } = this.#exchange;
    if (outgoing.write(text)) return true;
    const patience = AbortSignal.any([this.#signal, AbortSignal.timeout(this.#patienceMs)]);
    try {
      await once(outgoing as unknown as NodeJS.EventEmitter, 'drain', { signal: patience });
      return true;
    } catch {
      // Ending would wait for the client to take what is buffered.
      if (!this.#signal.aborted) outgoing.destroy();
      return false;
    }
  }

  /** Where to watch on from, for a kind that nobody changes too; nothing while the client is behind. */
  bookmark(revision: number | undefined): void {
    if (revision !== undefined) this.#exchange.outgoing.write(this.#bookmark(String(revision), false));
  }

  #line(event: RegistryEvent): string {
    if (event.type === 'BOOKMARK') return this.#bookmark(event.resourceVersion, event.isInitialEnd);
    const text = objectText(this.#exchange, this.#resource, event.object, this.#form, !this.#hasColumns);
    this.#hasColumns = true;
    return `{"type":"${event.type}","object":${text}}\n`;
  }

  #bookmark(resourceVersion: string, isInitialEnd: boolean): string {
    const annotations = isInitialEnd ? { annotations: { 'k8s.io/initial-events-end': 'true' } } : {};
    const metadata = { resourceVersion, creationTimestamp: null, ...annotations };
    const object = { kind: this.#resource.kind, apiVersion: apiVersion(this.#resource), metadata };
    return `{"type":"BOOKMARK","object":${JSON.stringify(this.#form === 'metadata' ? partial(object) : object)}}\n`;
  }
}

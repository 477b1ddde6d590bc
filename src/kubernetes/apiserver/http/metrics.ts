import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry as Metrics } from 'prom-client';
import type { Catalog } from '../catalog.ts';
import { prefixOf } from '../registry/keys.ts';
import type { Store } from '../../../store/store.ts';
import type { Exchange } from './exchange.ts';
import { targetOf, verbOf } from './target.ts';

const labels = ['verb', 'group', 'version', 'resource', 'subresource', 'scope'] as const;
const seconds = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];
type Labels = Readonly<Record<(typeof labels)[number], string>>;

/** What /metrics tells, under kube-apiserver's names. */
export class ServerMetrics {
  readonly #metrics = new Metrics();
  readonly #requests: Counter<string>;
  readonly #durations: Histogram<string>;
  readonly #inflight: Gauge<string>;
  readonly #watches: Gauge<string>;
  readonly #objects: Gauge<string>;
  readonly #store: Store;
  readonly #catalog: Catalog;

  constructor(store: Store, catalog: Catalog) {
    this.#store = store;
    this.#catalog = catalog;
    const registers = [this.#metrics];
    // Its clock that watches the event loop ticks a hundred times a second unless told otherwise, also when nothing else happens.
    collectDefaultMetrics({ register: this.#metrics, eventLoopMonitoringPrecision: 100 });
    this.#requests = new Counter({
      name: 'apiserver_request_total',
      help: 'Requests by verb, resource and HTTP status',
      labelNames: [...labels, 'code'],
      registers,
    });
    this.#durations = new Histogram({
      name: 'apiserver_request_duration_seconds',
      help: 'How long requests took that are not watches',
      labelNames: [...labels],
      buckets: seconds,
      registers,
    });
    this.#inflight = new Gauge({
      name: 'apiserver_current_inflight_requests',
      help: 'Requests being answered now',
      labelNames: ['request_kind'],
      registers,
    });
    this.#watches = new Gauge({
      name: 'apiserver_longrunning_requests',
      help: 'Watches open now',
      labelNames: [...labels],
      registers,
    });
    this.#objects = new Gauge({
      name: 'apiserver_storage_objects',
      help: 'Objects in the store by resource',
      labelNames: ['resource'],
      registers,
    });
  }

  /** Counts a request from now until its answer is complete. */
  observe(exchange: Exchange, codeOf: () => number): void {
    const known = labelsOf(exchange);
    const isWatch = known.verb === 'WATCH';
    const kind = { request_kind: ['GET', 'LIST'].includes(known.verb) ? 'readOnly' : 'mutating' };
    const end = isWatch ? undefined : this.#durations.startTimer(known);
    if (isWatch) this.#watches.inc(known);
    else this.#inflight.inc(kind);
    exchange.outgoing.once('close', () => {
      this.#requests.inc({ ...known, code: String(codeOf()) });
      end?.();
      if (isWatch) this.#watches.dec(known);
      else this.#inflight.dec(kind);
    });
  }

  /** Everything in Prometheus' form; the objects of each resource are counted when asked. */
  text(): Promise<string> {
    this.#objects.reset();
    for (const one of this.#catalog.all) {
      const resource = one.group ? `${one.resource}.${one.group}` : one.resource;
      this.#objects.set({ resource }, this.#store.range(prefixOf(one)).entries.length);
    }
    return this.#metrics.metrics();
  }
}

function labelsOf({ method, path, query }: Exchange): Labels {
  try {
    const target = targetOf(path);
    if (!target) return { verb: method, group: '', version: '', resource: '', subresource: '', scope: '' };
    const { group, version, resource, subresource = '', namespace, name } = target;
    const scope = name === undefined ? (namespace === undefined ? 'cluster' : 'namespace') : 'resource';
    const verb = verbOf(method, target, query).toUpperCase();
    return { verb: verb === 'CREATE' ? 'POST' : verb === 'UPDATE' ? 'PUT' : verb, group, version, resource, subresource, scope };
  } catch {
    return { verb: method, group: '', version: '', resource: '', subresource: '', scope: '' };
  }
}

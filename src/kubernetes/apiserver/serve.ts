import { messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { Store } from '../../store/store.ts';
import type { Client } from '../client/client.ts';
import { Aggregator } from './aggregation/aggregator.ts';
import type { FrontProxy } from './aggregation/backend.ts';
import { keepServices } from './aggregation/keep-services.ts';
import { keepTrust, trustData } from './aggregation/publish-trust.ts';
import { admissionChain } from './admission/chain.ts';
import { keepQuotas } from './admission/resource-quota.ts';
import { keepAggregating } from './access/aggregate-roles.ts';
import { Authenticator } from './access/authenticator.ts';
import { Authorizer } from './access/authorize.ts';
import type { Audit } from './audit/audited.ts';
import type { OidcOptions } from './access/oidc.ts';
import { ServiceAccountTokens } from './access/service-account-tokens.ts';
import { bootstrap } from './bootstrap.ts';
import { inProcessClient } from './client.ts';
import type { Answers } from './http/router.ts';
import { keepSigning, type Signer } from './certificates/sign.ts';
import { ServerMetrics } from './http/metrics.ts';
import { listen, type ListenOptions } from './http/server.ts';
import { Registry } from './registry/registry.ts';
import { addressRange } from './registry/service-addresses.ts';
import { componentStatuses } from './component-statuses.ts';
import type { LiveResource } from './live-resource.ts';
import { objectReader } from './object-reader.ts';
import type { ObjectReader } from '../client/object-reader.ts';
import { keepDependents } from './customresources/dependents.ts';
import { keepDefinitions } from './customresources/definitions.ts';
import type { KubeletTls } from './subresources/kubelet.ts';

export interface ServeOptions extends ListenOptions {
  readonly store: Store;
  /** `10.96.0.0/16` */
  readonly serviceCidr: string;
  /** Where pods reach this server; 127.0.0.1 when there are no pods. */
  readonly nodeIp?: string;
  readonly kubeletTls: KubeletTls;
  /** With which servers behind APIServices are asked. */
  readonly frontProxy: FrontProxy;
  /** PEM of the P-256 key that signs service accounts' tokens. */
  readonly tokenKey: string;
  readonly oidc?: OidcOptions;
  /** Where requests are noted, and how much of each. */
  readonly audit?: Audit;
  /** How long a watcher may take nothing before it is cut off; a minute unless told otherwise. */
  readonly watchPatienceMs?: number;
  /** Signs for those whose certificate signing request was approved. */
  readonly sign?: Signer;
  readonly log: Log;
}

export interface ApiServer extends AsyncDisposable {
  /** The same API without sockets, for the server's own controllers. */
  readonly client: Client;
  /** Every kind that is served, to read. */
  readonly reader: ObjectReader;
  readonly url: string;
  /** Adds kinds that other parts of the server answer without storing anything. */
  addLive(...added: readonly LiveResource[]): void;
  /** Where other parts of the server put what they answer under `/davit/<name>/…`. */
  readonly answers: Answers;
}

/** Runs until disposed; a failure is told. */
function background(run: (signal: AbortSignal) => Promise<void>, log: Log): AsyncDisposable {
  const stop = new AbortController();
  const running = run(stop.signal).catch((error: unknown) => {
    if (!stop.signal.aborted) log.error({ error: messageOf(error) }, 'a part of the API server stopped');
  });
  return {
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await running;
    },
  };
}

/** The Kubernetes API over HTTPS and in process, on one store. The store stays the caller's. */
export async function serveApi(options: ServeOptions): Promise<ApiServer> {
  const { store, serviceCidr, kubeletTls, log, oidc, audit, nodeIp = '127.0.0.1' } = options;
  const serviceRange = addressRange(serviceCidr);
  const registry = new Registry(store, serviceRange);
  registry.catalog.addLive(componentStatuses(store));
  const answers: Answers = new Map();
  await using starting = new AsyncDisposableStack();
  const tokens = new ServiceAccountTokens(store, options.tokenKey);
  const authorizer = new Authorizer(store);
  registry.admitBy(admissionChain({ registry, authorizer }));
  const authenticator = new Authenticator({ store, tokens, oidc });
  const metrics = new ServerMetrics(store, registry.catalog);
  const client = inProcessClient(registry);
  const aggregator = starting.use(new Aggregator(registry, options.frontProxy));
  let bootstrapped = false;
  const isBootstrapped = (): boolean => bootstrapped;
  const { watchPatienceMs } = options;
  const routes = {
    registry,
    kubeletTls,
    log,
    authorizer,
    authenticator,
    answers,
    metrics,
    aggregator,
    audit,
    isBootstrapped,
    watchPatienceMs,
  };
  const listening = starting.use(await listen(routes, options));
  await bootstrap(registry, { serviceRange, nodeIp, port: listening.port });
  bootstrapped = true;
  const { sign } = options;
  if (sign) starting.use(background((signal) => keepSigning(registry, sign, signal), log));
  starting.use(background((signal) => keepAggregating(registry, signal), log));
  starting.use(background((signal) => keepDefinitions(registry, log, signal), log));
  starting.use(background((signal) => keepDependents(registry, signal), log));
  starting.use(background((signal) => keepQuotas(registry, signal), log));
  starting.use(keepServices(aggregator, client, log));
  const trust = trustData(options.tls.ca, options.frontProxy.ca);
  starting.use(background((signal) => keepTrust(registry, trust, signal), log));
  const host = options.address === '0.0.0.0' ? '127.0.0.1' : options.address;
  const running = starting.move();
  return {
    client,
    reader: objectReader(registry),
    addLive: (...added) => registry.catalog.addLive(...added),
    answers,
    url: `https://${host}:${listening.port}`,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

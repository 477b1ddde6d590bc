import { apiServices, endpointSlices, services, type KubernetesObject } from '../../../api/kubernetes/kinds.ts';
import type { APIService } from '../../../api/kubernetes/types.generated.ts';
import { isKind, messageOf } from '../../../base/errors.ts';
import type { Log } from '../../../base/log.ts';
import type { Client } from '../../client/client.ts';
import { startController, watching, type Source } from '../../client/controller.ts';
import { Informers } from '../../client/informers.ts';
import { groupVersions } from '../discovery/discovery.ts';
import { equal } from '../json.ts';
import { serviceAt, slicesOf } from '../service-endpoint.ts';
import type { Aggregator } from './aggregator.ts';
import { failedCheck, local, obstacle, passed, withVerdict, type Verdict } from './availability.ts';
import { isRemote, type RemoteService } from './backend.ts';
import { localPriority } from './priorities.ts';
import { discoverRemote } from './remote-discovery.ts';
import { remoteUserHeaders } from './remote-user.ts';

/** A server can fail without any object of the cluster changing. */
const checkEveryMs = 30_000;
const answersWithinMs = 5000;
const attempts = 5;
const managed = 'kube-aggregator.kubernetes.io/automanaged';

/**
 * One loop over the names of APIServices, until disposed:
 *
 *   served here, no object ──► created        our object, no longer served ──► deleted
 *   Service behind ──► checked (objects, then the server itself) ──► Available, and what it serves is remembered
 */
export function keepServices(aggregator: Aggregator, client: Client, log: Log): AsyncDisposable {
  const informers = new Informers(client, log);
  const behind = (namespace: string | undefined, name: string | undefined): readonly string[] =>
    aggregator
      .remotes()
      .filter(({ spec: { service } }) => service.namespace === namespace && service.name === name)
      .map(({ metadata }) => metadata.name ?? '');
  const ofSlice = ({ metadata }: KubernetesObject): readonly string[] =>
    behind(metadata.namespace, metadata.labels?.['kubernetes.io/service-name']);
  const controller = startController({
    name: 'apiservices',
    client,
    log,
    backoff: { initialMs: 50, maxMs: checkEveryMs },
    sources: [
      watching(informers.of(apiServices)),
      watching(informers.of(services), ({ metadata }) => behind(metadata.namespace, metadata.name)),
      watching(informers.of(endpointSlices), ofSlice),
      servedHere(aggregator),
    ],
    reconcile: async (name, context) => reconcile(aggregator, name, context.client, context.signal),
  });
  return {
    [Symbol.asyncDispose]: async () => {
      await controller[Symbol.asyncDispose]();
      await informers[Symbol.asyncDispose]();
    },
  };
}

const nameOf = ({ group, version }: { readonly group: string; readonly version: string }): string => `${version}.${group}`;

/** What this server serves itself; the group of APIServices has none, as upstream. */
function localNames({ registry: { catalog } }: Aggregator): readonly string[] {
  return groupVersions(catalog)
    .filter(({ group }) => group !== apiServices.group)
    .map(nameOf);
}

function servedHere(aggregator: Aggregator): Source {
  return {
    synced: Promise.resolve(),
    subscribe: (add) => {
      let before: readonly string[] = [];
      const tell = (): void => {
        const now = localNames(aggregator);
        for (const name of new Set([...before, ...now])) if (!before.includes(name) || !now.includes(name)) add(name, 'definitions');
        before = now;
      };
      aggregator.registry.catalog.onChange(tell);
      tell();
    },
  };
}

async function reconcile(
  aggregator: Aggregator,
  name: string,
  client: Client,
  signal: AbortSignal,
): Promise<{ readonly requeueAfterMs: number } | undefined> {
  const service = aggregator.get(name);
  const isServed = localNames(aggregator).includes(name);
  if (!service || !isRemote(service)) aggregator.forget(name);
  if (!service) {
    if (isServed) await client.create(apiServices, localService(name)).catch(unless('alreadyExists'));
    return undefined;
  }
  if (!isRemote(service)) {
    const isOurs = service.metadata.labels?.[managed] !== undefined;
    if (!isServed && isOurs) await client.delete(apiServices, { name }).catch(unless('notFound'));
    else await writeVerdict(client, service, local);
    return undefined;
  }
  const verdict = await check(aggregator, service, signal);
  if (verdict.status === 'True') {
    await discoverRemote(aggregator.backends, service, AbortSignal.any([signal, AbortSignal.timeout(answersWithinMs)])).then(
      (found) => aggregator.discovered(name, found),
      // What cannot be read now is read at the next check; requests are answered or refused on their own.
      () => undefined,
    );
  }
  await writeVerdict(client, service, verdict);
  if (verdict.reason === 'FailedDiscoveryCheck') throw new Error(verdict.message);
  return { requeueAfterMs: checkEveryMs };
}

function localService(name: string): APIService {
  const dot = name.indexOf('.');
  const [version, group] = [name.slice(0, dot), name.slice(dot + 1)];
  const priority = localPriority(group, version);
  const labels = { [managed]: priority.groupPriorityMinimum === 1000 ? 'true' : 'onstart' };
  return { apiVersion: 'apiregistration.k8s.io/v1', kind: 'APIService', metadata: { name, labels }, spec: { group, version, ...priority } };
}

/** First what the cluster's objects say, then whether the server itself answers, at one endpoint after another. */
async function check({ registry: { store }, backends }: Aggregator, service: RemoteService, signal: AbortSignal): Promise<Verdict> {
  const { namespace = '', name = '' } = service.spec.service;
  const found = obstacle(service, serviceAt(store, namespace, name), slicesOf(store, namespace, name));
  if (found) return found;
  const path = `/apis/${service.spec.group}/${service.spec.version}`;
  const headers = remoteUserHeaders({ name: 'system:kube-aggregator', groups: ['system:masters'] });
  const ask = async (): Promise<void> => {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(answersWithinMs)]);
    const { host, port } = backends.endpointOf(service);
    const url = `https://${host}:${port}${path}`;
    const answer = await backends.send(service, { method: 'GET', path, headers, isCheck: true }, limited).catch((error: unknown) => {
      throw new Error(`failing or missing response from ${url}: Get "${url}": ${messageOf(error)}`);
    });
    answer.resume();
    const code = answer.statusCode ?? 0;
    if (code < 200 || code >= 300) throw new Error(`failing or missing response from ${url}: bad status from ${url}: ${code}`);
  };
  try {
    await Promise.any(Array.from({ length: attempts }, ask));
    return passed;
  } catch (error) {
    signal.throwIfAborted();
    return failedCheck(messageOf(error instanceof AggregateError ? error.errors[0] : error));
  }
}

async function writeVerdict(client: Client, service: APIService, verdict: Verdict): Promise<void> {
  const status = withVerdict(service, verdict, new Date());
  if (!equal(status, service.status)) await client.update(apiServices, { ...service, status }, 'status').catch(unless('notFound'));
}

function unless(kind: 'alreadyExists' | 'notFound'): (error: unknown) => void {
  return (error) => {
    if (!isKind(error, kind)) throw error;
  };
}

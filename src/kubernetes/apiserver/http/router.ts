import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { pods } from '../../../api/kubernetes/kinds.ts';
import type { Log } from '../../../base/log.ts';
import type { User } from '../access/user.ts';
import type { Audit } from '../audit/audited.ts';
import { beginAudit } from '../audit/begin-audit.ts';
import { KindError } from '../../../base/errors.ts';
import { impersonated } from '../access/impersonation.ts';
import { answerReview, type Reviewer } from '../access/reviews.ts';
import { reviews } from '../discovery/discovery.ts';
import { objectOf } from '../json.ts';
import type { Registry } from '../registry/registry.ts';
import { resourceOf } from '../resources.ts';
import { apiError, statusOf } from '../status.ts';
import type { KubeletTls } from '../subresources/kubelet.ts';
import { tunnel } from '../subresources/tunnel.ts';
import type { Aggregator } from '../aggregation/aggregator.ts';
import { serveRemote, upgradeRemote } from '../aggregation/serve-remote.ts';
import { readObject, sendError, sendJson, type Exchange } from './exchange.ts';
import type { ServerMetrics } from './metrics.ts';
import { pathNotFound, serveGeneral } from './general.ts';
import { serveLive } from './live-requests.ts';
import { placeOf, serveResource } from './resource-requests.ts';
import { kubeletFor, kubeletPath, serveSubresource } from './subresource-requests.ts';
import { upgradeExchange } from './upgrade-exchange.ts';
import { targetOf, verbOf, type Target, type Verb } from './target.ts';

export interface Routes extends Reviewer {
  readonly registry: Registry;
  readonly kubeletTls: KubeletTls;
  readonly metrics: ServerMetrics;
  readonly aggregator: Aggregator;
  /** How long a watcher may take nothing before it is cut off; a minute unless told otherwise. */
  readonly watchPatienceMs?: number | undefined;
  /** Where requests are noted; undefined: nowhere. */
  readonly audit?: Audit;
  /** Whether everything is there that a cluster starts with. */
  isBootstrapped(): boolean;
  readonly log: Log;
  readonly answers: Answers;
}

/** What the server answers under `/davit/<name>/…`, besides the API: by name, for the rest of the path. */
export type Answers = Map<string, (rest: readonly string[]) => Promise<object>>;

/** Who? may they? what? — and every error as a Status. */
export async function route(routes: Routes, exchange: Exchange): Promise<void> {
  routes.metrics.observe(exchange, () => exchange.outgoing.statusCode);
  let asker: User | undefined;
  let noted: ReturnType<typeof beginAudit> | undefined;
  const note = (user?: User): ReturnType<typeof beginAudit> | undefined =>
    routes.audit && beginAudit(routes.audit, routes.authorizer, exchange, asker, user);
  try {
    asker = await routes.authenticator.userOf(exchange.user, exchange.headers);
    const user = impersonated(routes.authorizer, asker, exchange.headers);
    noted = note(user);
    await serve(routes, { ...(noted?.exchange ?? exchange), user });
  } catch (error) {
    const { code, message } = statusOf(error);
    if (code >= 500) routes.log.error({ method: exchange.method, path: exchange.path, code, error }, message);
    noted ??= note();
    if (!(error instanceof KindError) && !exchange.signal.aborted) noted?.panicked(message);
    sendError(noted?.exchange ?? exchange, error);
  }
}

async function serve(routes: Routes, exchange: Exchange): Promise<void> {
  const { path, method, query, user } = exchange;
  const { authorizer, aggregator } = routes;
  const target = targetOf(path);
  const remote = aggregator.remoteAt(path);
  if (!target) {
    authorizer.authorize(user, { verb: method === 'HEAD' ? 'get' : method.toLowerCase(), path });
    if (remote) return serveRemote(aggregator, exchange, remote);
    if (await serveGeneral(routes, exchange)) return;
    const [root, name = '', ...rest] = path.split('/').slice(1).map(decodeURIComponent);
    const answer = root === 'davit' ? routes.answers.get(name) : undefined;
    if (!answer) throw pathNotFound();
    sendJson(exchange, 200, JSON.stringify(await answer(rest)));
    return;
  }
  const verb = verbOf(method, target, query);
  authorizer.authorize(user, { verb, ...target, ...selectedName(verb, query) });
  if (remote) return serveRemote(aggregator, exchange, remote);
  const review = reviews.find((one) => one.group === target.group && one.version === target.version && one.resource === target.resource);
  if (review) return serveReview(routes, exchange, review.kind);
  const { catalog } = routes.registry;
  const live = catalog.live.find((one) => one.group === target.group && one.version === target.version && one.resource === target.resource);
  if (live) return serveLive(live, verb, exchange, target);
  const bound = legacyBinding(target);
  const resource = catalog.find(target.group, target.version, (bound ?? target).resource);
  if (!resource) throw pathNotFound();
  const { registry, watchPatienceMs } = routes;
  const request = { exchange, user, registry, resource, target: bound ?? target, watchPatienceMs };
  if (resource.namespaced && target.name !== undefined && target.namespace === undefined) throw pathNotFound();
  // Who names a revision is content with what this server has; everybody else sees what any server acknowledged before.
  if (!query.get('resourceVersion')) await routes.registry.store.catchUp();
  return request.target.subresource === undefined ? serveResource(verb, request) : serveSubresource(verb, request, routes);
}

/** `POST …/bindings`: the binding's own name is the pod's. */
function legacyBinding(target: Target): Target | undefined {
  return target.group === '' && target.resource === 'bindings' && target.name !== undefined
    ? { ...target, resource: 'pods', subresource: 'binding' }
    : undefined;
}

async function serveReview(reviewer: Reviewer, exchange: Exchange, kind: string): Promise<void> {
  if (exchange.method !== 'POST') throw apiError('MethodNotAllowed', 'the server does not allow this method on the requested resource');
  const body = objectOf(await readObject(exchange));
  const answered = await answerReview(reviewer, kind, { metadata: { creationTimestamp: null }, ...body }, exchange.user);
  if (!answered) throw pathNotFound();
  sendJson(exchange, 201, JSON.stringify(answered));
}

const upgradable = new Set(['exec', 'attach', 'portforward']);

/** Hands an upgraded connection to the kubelet of the pod; errors go out as an ordinary answer. */
export async function routeUpgrade(
  routes: Routes,
  incoming: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  certified: User,
): Promise<void> {
  socket.on('error', () => socket.destroy());
  let noted: ReturnType<typeof beginAudit> | undefined;
  try {
    const exchange = upgradeExchange(incoming, socket, certified);
    const asker = await routes.authenticator.userOf(certified, incoming.headers);
    const user = impersonated(routes.authorizer, asker, incoming.headers);
    noted = routes.audit && beginAudit(routes.audit, routes.authorizer, exchange, asker, user);
    await upgrade(routes, { ...exchange, user }, { incoming, socket, head });
    noted?.exchange.outgoing.writeHead(101, {});
  } catch (error) {
    const status = statusOf(error);
    noted?.exchange.outgoing.writeHead(status.code, {});
    const body = JSON.stringify(status);
    const lines = [
      `HTTP/1.1 ${status.code} ${status.reason}`,
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
      '',
      body,
    ];
    socket.end(lines.join('\r\n'));
  }
}

/** Headers that name the client end here, and cookies. */
const ended = new Set(['authorization', 'cookie', 'x-forwarded-for']);

interface Connection {
  readonly incoming: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

async function upgrade(routes: Routes, { method, path, query, user }: Exchange, connection: Connection): Promise<void> {
  const target = targetOf(path);
  const remote = routes.aggregator.remoteAt(path);
  if (target && remote) {
    routes.authorizer.authorize(user, { verb: verbOf(method, target, query), ...target });
    return upgradeRemote(routes.aggregator, remote, user, connection);
  }
  if (!target || target.group !== '' || target.resource !== 'pods' || !upgradable.has(target.subresource ?? '')) throw pathNotFound();
  routes.authorizer.authorize(user, { verb: 'create', ...target });
  const pod = await routes.registry.get(resourceOf(pods), placeOf(target));
  const address = await kubeletFor(routes, pod);
  await tunnel(connection.incoming, connection.socket, connection.head, {
    address,
    tls: { ...routes.kubeletTls },
    path: kubeletPath(pod, target.subresource ?? '', query),
    isForwarded: (name) => !ended.has(name),
  });
}

/** A list or watch of one object by its name is a matter of that object. */
function selectedName(verb: Verb, query: URLSearchParams): { readonly name?: string } {
  const name = /^metadata\.name=([^,]+)$/.exec(query.get('fieldSelector') ?? '')?.[1];
  return (verb === 'list' || verb === 'watch') && name !== undefined ? { name } : {};
}

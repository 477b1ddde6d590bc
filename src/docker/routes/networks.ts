import { endpointSettings } from '../../api/docker/container-create.ts';
import { anyOf, flagOf, labelsMatch, parseFilters } from '../../api/docker/filters.ts';
import { flag, record, text } from '../../api/docker/shape.ts';
import { KindError, isKind } from '../../base/errors.ts';
import type { Network } from '../../engine/network/networks.ts';
import { jsonBody, param, type Call } from '../call.ts';
import { networkInspect, networkSummary } from '../encode/network.ts';
import { parseEndpoint } from '../parse/container.ts';
import { networkCreate, parseNetwork } from '../parse/network.ts';
import { tellPruned } from '../tell-pruned.ts';
import type { Route } from '../router.ts';
import { untilTime } from './containers.ts';

export const networkRoutes: readonly Route[] = [
  { method: 'GET', pattern: '/networks', handle: listNetworks },
  { method: 'POST', pattern: '/networks/create', handle: createNetwork },
  { method: 'POST', pattern: '/networks/prune', handle: pruneNetworks },
  { method: 'GET', pattern: '/networks/:id', handle: inspectNetwork },
  { method: 'DELETE', pattern: '/networks/:id', handle: removeNetwork },
  { method: 'POST', pattern: '/networks/:id/connect', handle: connect },
  { method: 'POST', pattern: '/networks/:id/disconnect', handle: disconnect },
];

const accepted = ['name', 'id', 'driver', 'label', 'label!', 'type', 'scope', 'dangling'];
const predefined = ['bridge', 'host', 'none'];

async function listNetworks(call: Call): Promise<void> {
  const filters = parseFilters(call.query.get('filters'), accepted);
  const dangling = flagOf(filters, 'dangling');
  const wrong = filters.get('type')?.find((type) => type !== 'builtin' && type !== 'custom');
  if (wrong !== undefined) throw new KindError('invalid', `invalid filter: 'type'='${wrong}'`);
  const selected = (await call.engine.networks.list()).filter((network) => {
    const isBuiltin = predefined.includes(network.name);
    return (
      anyOf(filters, 'name', (name) => network.name.includes(name)) &&
      anyOf(filters, 'id', (id) => network.id.startsWith(id)) &&
      anyOf(filters, 'driver', (driver) => networkSummary(network).Driver === driver) &&
      anyOf(filters, 'scope', (scope) => scope === 'local') &&
      anyOf(filters, 'type', (type) => type === (isBuiltin ? 'builtin' : 'custom')) &&
      (dangling === undefined || dangling === (!isBuiltin && network.endpoints.length === 0)) &&
      labelsMatch(filters, network.labels)
    );
  });
  call.reply.json(selected.map(networkSummary));
}

async function createNetwork(call: Call): Promise<void> {
  const network = await call.engine.networks.create(parseNetwork(await jsonBody(call, networkCreate)));
  call.reply.json({ Id: network.id, Warning: '' }, 201);
}

async function inspectNetwork(call: Call): Promise<void> {
  const network = await call.engine.networks.get(param(call, 'id'));
  const scope = call.query.get('scope');
  if (scope && scope !== 'local') throw new KindError('notFound', `network ${param(call, 'id')} not found`);
  call.reply.json(networkInspect(network));
}

async function removeNetwork(call: Call): Promise<void> {
  await call.engine.networks.remove(param(call, 'id'));
  call.reply.empty(204);
}

const connectBody = record({ Container: text, EndpointConfig: endpointSettings });

async function connect(call: Call): Promise<void> {
  const body = await jsonBody(call, connectBody);
  const container = await call.engine.containers.get(body.Container ?? '');
  const network = await call.engine.networks.get(param(call, 'id'));
  await call.engine.networks.connect(network.id, container.id, parseEndpoint(body.EndpointConfig ?? {}));
  call.reply.empty(200);
}

const disconnectBody = record({ Container: text, Force: flag });

async function disconnect(call: Call): Promise<void> {
  const body = await jsonBody(call, disconnectBody);
  const force = body.Force ?? false;
  if (!force) await call.engine.containers.get(body.Container ?? '');
  const network = await call.engine.networks.get(param(call, 'id'));
  await call.engine.networks.disconnect(network.id, await ownerId(call, network, body.Container ?? '', force), { force });
  call.reply.empty(200);
}

/** Forced, an endpoint is found by its recorded name even when the container is gone. */
async function ownerId(call: Call, network: Network, reference: string, force: boolean): Promise<string> {
  try {
    return (await call.engine.containers.get(reference)).id;
  } catch (error) {
    const left = network.endpoints.find((endpoint) => endpoint.ownerName === reference || endpoint.ownerId === reference);
    if (!force || !isKind(error, 'notFound')) throw error;
    if (!left) throw new KindError('notFound', `endpoint ${reference} not found`);
    return left.ownerId;
  }
}

async function pruneNetworks(call: Call): Promise<void> {
  const filters = parseFilters(call.query.get('filters'), ['until', 'label', 'label!']);
  const until = untilTime(filters.get('until')?.[0]);
  const names = await call.engine.networks.prune(
    ({ labels, createdAt }) => labelsMatch(filters, labels) && (until === undefined || createdAt < until),
  );
  tellPruned(call.engine, 'network', 0);
  call.reply.json({ NetworksDeleted: names.length > 0 ? names : null });
}

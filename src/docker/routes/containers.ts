import { containerCreate, containerUpdate } from '../../api/docker/container-create.ts';
import { labelsMatch, parseFilters } from '../../api/docker/filters.ts';
import { refuseUnsupported } from '../../api/docker/unsupported.ts';
import type { Digest } from '../../base/digest.ts';
import { shortId } from '../../base/ids.ts';
import { isKind, KindError, messageOf } from '../../base/errors.ts';
import type { Container, MountSpec } from '../../engine/containers/container.ts';
import { stateOf } from '../../engine/containers/state.ts';
import type { Engine } from '../../engine/engine.ts';
import type { Image } from '../../engine/images/images.ts';
import { flagParam, integerParam, jsonBody, param, type Call } from '../call.ts';
import { tellPruned } from '../tell-pruned.ts';
import { containerInspect, containerSummary } from '../encode/container.ts';
import { containerFilters, selectContainers } from '../filter-containers.ts';
import { parseContainer, parseRestart } from '../parse/container.ts';
import { parseLimits } from '../parse/limits.ts';
import { createAsOf, macWarnings } from '../parse/older-create.ts';
import { checkInheritedMode, mountsFrom } from '../parse/mounts.ts';
import { checkPlatform } from '../parse/platform.ts';
import type { Route } from '../router.ts';

export const containerRoutes: readonly Route[] = [
  { method: 'GET', pattern: '/containers/json', handle: listContainers },
  { method: 'POST', pattern: '/containers/create', handle: createContainer },
  { method: 'POST', pattern: '/containers/prune', handle: pruneContainers },
  { method: 'GET', pattern: '/containers/:id/json', handle: inspectContainer },
  { method: 'GET', pattern: '/containers/:id/top', handle: topContainer },
  { method: 'GET', pattern: '/containers/:id/changes', handle: containerChanges },
  { method: 'POST', pattern: '/containers/:id/update', handle: updateContainer },
  { method: 'POST', pattern: '/containers/:id/rename', handle: renameContainer },
  { method: 'DELETE', pattern: '/containers/:id', handle: removeContainer },
];

async function listContainers(call: Call): Promise<void> {
  const { engine, query } = call;
  const images = new Map<string, Image>((await engine.images.list()).map((image) => [image.id, image]));
  const filters = parseFilters(query.get('filters'), containerFilters);
  const options = { all: flagParam(query, 'all'), limit: integerParam(query, 'limit'), filters };
  const rows = selectContainers(await engine.containers.list(), images, options);
  call.reply.json(await summaries(engine, rows, images, flagParam(query, 'size')));
}

/** Rows for containers; with sizes they cost a walk over each writable layer. */
export async function summaries(engine: Engine, rows: readonly Container[], images: ReadonlyMap<string, Image>, withSize: boolean) {
  const now = new Date();
  const holders = new Map([...images.values()].flatMap(({ id, names }) => names.map((name) => [name, id])));
  return Promise.all(
    rows.map(async (container) => {
      const size = withSize ? await engine.containers.size(container.id) : undefined;
      const holder = holders.get(withTag(container.spec.image));
      const isNameMoved = holder !== undefined && holder !== container.imageId;
      return containerSummary(container, { image: images.get(container.imageId)?.config, isNameMoved, size }, now);
    }),
  );
}

function withTag(reference: string): string {
  return /[:@][^/]*$/.test(reference) ? reference : `${reference}:latest`;
}

async function createContainer(call: Call): Promise<void> {
  const asked = await jsonBody(call, containerCreate);
  const macs = macWarnings(call.minor, asked);
  const body = createAsOf(call.minor, asked);
  checkPlatform(call.query.get('platform'));
  const spec = parseContainer(body, call.query.get('name')?.replace(/^\//, '') || undefined);
  const inherited = await inheritedMounts(call.engine, body.HostConfig?.VolumesFrom ?? []).catch(onlyImagesAreMissing);
  const own = new Set(spec.mounts?.map((mount) => mount.target));
  const mounts = [...(spec.mounts ?? []), ...inherited.filter((mount) => !own.has(mount.target))];
  const { container, warnings } = await call.engine.containers.create({ ...spec, mounts }).catch(onlyImagesAreMissing);
  call.reply.json({ Id: container.id, Warnings: [...warnings, ...macs] }, 201);
}

/** Clients take a 404 here for a missing image and pull it: anything else that is missing (a network) is told as a conflict. */
function onlyImagesAreMissing(error: unknown): never {
  if (isKind(error, 'notFound') && !/no such image/i.test(messageOf(error)))
    throw new KindError('conflict', messageOf(error), { cause: error });
  throw error;
}

async function inheritedMounts(engine: Engine, volumesFrom: readonly string[]): Promise<readonly MountSpec[]> {
  const lists = volumesFrom.map(async (given) => {
    const [reference = '', mode = ''] = given.split(':');
    checkInheritedMode(mode);
    return mountsFrom(await engine.containers.get(reference), mode);
  });
  return (await Promise.all(lists)).flat();
}

async function inspectContainer(call: Call): Promise<void> {
  const { engine } = call;
  const container = await engine.containers.get(param(call, 'id'));
  const image = await imageOf(engine, container.imageId);
  const size = flagParam(call.query, 'size') ? await engine.containers.size(container.id) : undefined;
  const places = await engine.containers.places(container.id);
  call.reply.json(inspectOf(containerInspect(container, { image: image?.config, size, places }), container, call.minor));
}

/** Before API 1.45 the short ID and the hostname were among the aliases; docker-compose 1.29 looks for them there. */
function inspectOf(answer: ReturnType<typeof containerInspect>, container: Container, minor: number): object {
  if (minor >= 45) return answer;
  const networks = Object.entries(answer.NetworkSettings.Networks).map(([name, endpoint]) => {
    const aliases = [...new Set([...(endpoint.Aliases ?? []), shortId(container.id), container.hostname])];
    return [name, ['bridge', 'host', 'none'].includes(name) ? endpoint : { ...endpoint, Aliases: aliases }];
  });
  return { ...answer, NetworkSettings: { ...answer.NetworkSettings, Networks: Object.fromEntries(networks) as object } };
}

/** Undefined when the image was removed by force. */
async function imageOf(engine: Engine, id: Digest): Promise<Image | undefined> {
  try {
    return await engine.images.get(id);
  } catch (error) {
    if (isKind(error, 'notFound')) return undefined;
    throw error;
  }
}

async function topContainer(call: Call): Promise<void> {
  const { titles, processes } = await call.engine.containers.top(param(call, 'id'), call.query.get('ps_args') ?? '-ef');
  call.reply.json({ Titles: titles, Processes: processes });
}

const changeKinds = { modified: 0, added: 1, deleted: 2 } as const;

async function containerChanges(call: Call): Promise<void> {
  const changes = await call.engine.containers.changes(param(call, 'id'));
  const rows = changes.map((change) => ({ Path: change.path, Kind: changeKinds[change.kind] }));
  call.reply.json(rows.length > 0 ? rows : null);
}

async function updateContainer(call: Call): Promise<void> {
  const body = await jsonBody(call, containerUpdate);
  refuseUnsupported(body);
  const restart = body.RestartPolicy?.Name ? parseRestart(body.RestartPolicy) : undefined;
  // Here, unlike in create, 0 and -1 say something: that a limit goes.
  const noPids = body.PidsLimit !== undefined && body.PidsLimit <= 0 ? { pids: -1 } : {};
  await call.engine.containers.update(param(call, 'id'), { limits: { ...parseLimits(body), ...noPids }, restart });
  call.reply.json({ Warnings: null });
}

async function renameContainer(call: Call): Promise<void> {
  const name = call.query.get('name')?.replace(/^\//, '') ?? '';
  if (name === '') throw new KindError('invalid', 'Neither old nor new names may be empty');
  await call.engine.containers.rename(param(call, 'id'), name);
  call.reply.empty(204);
}

async function removeContainer(call: Call): Promise<void> {
  if (flagParam(call.query, 'link'))
    throw new KindError('invalid', 'removing a link is not supported by this engine: it has no legacy links');
  await call.engine.containers.remove(param(call, 'id'), { force: flagParam(call.query, 'force'), volumes: flagParam(call.query, 'v') });
  call.reply.empty(204);
}

async function pruneContainers(call: Call): Promise<void> {
  const { containers } = call.engine;
  const filters = parseFilters(call.query.get('filters'), ['until', 'label', 'label!']);
  if (filters.size === 0) {
    const { ids, bytes } = await containers.prune();
    tellPruned(call.engine, 'container', bytes);
    return call.reply.json({ ContainersDeleted: ids.length > 0 ? ids : null, SpaceReclaimed: bytes });
  }
  const until = untilTime(filters.get('until')?.[0]);
  const stopped = (await containers.list()).filter((one) => ['created', 'exited', 'dead'].includes(stateOf(one)));
  const chosen = stopped.filter((one) => labelsMatch(filters, one.labels) && (until === undefined || one.createdAt < until));
  let bytes = 0;
  for (const container of chosen) {
    bytes += (await containers.size(container.id)).writable;
    await containers.remove(container.id, { force: false, volumes: false });
  }
  tellPruned(call.engine, 'container', bytes);
  const ids = chosen.map((one) => one.id);
  call.reply.json({ ContainersDeleted: ids.length > 0 ? ids : null, SpaceReclaimed: bytes });
}

const unitMs: Readonly<Record<string, number>> = { s: 1000, m: 60_000, h: 3_600_000 };

/** `until=24h` (ago, Go durations) or a timestamp. */
export function untilTime(given: string | undefined): Date | undefined {
  if (given === undefined) return undefined;
  if (/^(\d+(\.\d+)?[smh])+$/.test(given)) {
    const parts = [...given.matchAll(/(\d+(?:\.\d+)?)([smh])/g)];
    return new Date(Date.now() - parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * (unitMs[unit ?? ''] ?? 0), 0));
  }
  const time = /^\d+(\.\d+)?$/.test(given) ? new Date(Number(given) * 1000) : new Date(given);
  if (Number.isNaN(time.getTime())) throw new KindError('invalid', `invalid filter 'until=${given}'`);
  return time;
}

import { anyOf, flagOf, labelsMatch, parseFilters } from '../../api/docker/filters.ts';
import { anything, map, record, text } from '../../api/docker/shape.ts';
import { KindError } from '../../base/errors.ts';
import type { Engine } from '../../engine/engine.ts';
import type { Volume } from '../../engine/volumes/volumes.ts';
import { flagParam, jsonBody, param, type Call } from '../call.ts';
import { volumeInspect } from '../encode/volume.ts';
import { checkVolumeName } from '../parse/mounts.ts';
import { tellPruned } from '../tell-pruned.ts';
import type { Route } from '../router.ts';

export const volumeRoutes: readonly Route[] = [
  { method: 'GET', pattern: '/volumes', handle: listVolumes },
  { method: 'POST', pattern: '/volumes/create', handle: createVolume },
  { method: 'POST', pattern: '/volumes/prune', handle: pruneVolumes },
  { method: 'GET', pattern: '/volumes/:name', handle: inspectVolume },
  { method: 'PUT', pattern: '/volumes/:name', handle: updateVolume },
  { method: 'DELETE', pattern: '/volumes/:name', handle: removeVolume },
];

async function listVolumes(call: Call): Promise<void> {
  const filters = parseFilters(call.query.get('filters'), ['dangling', 'driver', 'label', 'label!', 'name']);
  const dangling = flagOf(filters, 'dangling');
  const references = await volumeReferences(call.engine);
  const selected = (await call.engine.volumes.list()).filter(
    (volume) =>
      (dangling === undefined || dangling === !references.has(volume.name)) &&
      anyOf(filters, 'driver', (driver) => driver === volume.driver) &&
      anyOf(filters, 'name', (name) => volume.name.includes(name)) &&
      labelsMatch(filters, volume.labels),
  );
  call.reply.json({ Volumes: selected.map((volume) => volumeInspect(volume)), Warnings: null });
}

/** How many containers mount each volume. */
export async function volumeReferences(engine: Engine): Promise<ReadonlyMap<string, number>> {
  const counts = new Map<string, number>();
  for (const container of await engine.containers.list()) {
    for (const { name } of container.mounts) {
      if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + 1);
    }
  }
  return counts;
}

const volumeCreate = record({ Name: text, Driver: text, DriverOpts: map(text), Labels: map(text), ClusterVolumeSpec: anything });

async function createVolume(call: Call): Promise<void> {
  const body = await jsonBody(call, volumeCreate);
  if (body.ClusterVolumeSpec !== undefined)
    throw new KindError('unavailable', 'This node is not a swarm manager: cluster volumes are not supported');
  if (body.Driver && body.Driver !== 'local') {
    throw new KindError(
      'notFound',
      `create ${body.Name ?? ''}: error looking up volume plugin ${body.Driver}: plugin "${body.Driver}" not found`,
    );
  }
  if (body.Name) checkVolumeName(body.Name);
  const volume = await call.engine.volumes.create({
    name: body.Name || undefined,
    driver: 'local',
    labels: body.Labels,
    options: body.DriverOpts,
  });
  call.reply.json(volumeInspect(volume), 201);
}

async function inspectVolume(call: Call): Promise<void> {
  call.reply.json(volumeInspect(await call.engine.volumes.get(param(call, 'name'))));
}

async function updateVolume(): Promise<void> {
  throw new KindError('unavailable', 'This node is not a swarm manager: only cluster volumes can be updated');
}

async function removeVolume(call: Call): Promise<void> {
  await call.engine.volumes.remove(param(call, 'name'), { force: flagParam(call.query, 'force') });
  call.reply.empty(204);
}

/** Since API 1.42 named volumes are kept unless the filter `all` says otherwise. */
async function pruneVolumes(call: Call): Promise<void> {
  const filters = parseFilters(call.query.get('filters'), ['all', 'label', 'label!']);
  const byLabel = filters.has('label') || filters.has('label!');
  const { names, bytes } = await call.engine.volumes.prune({
    all: call.minor < 42 || (flagOf(filters, 'all') ?? false),
    ...(byLabel && { matches: ({ labels }: Volume) => labelsMatch(filters, labels) }),
  });
  tellPruned(call.engine, 'volume', bytes);
  call.reply.json({ VolumesDeleted: names.length > 0 ? names : null, SpaceReclaimed: bytes });
}

import { flagOf, labelsMatch, parseFilters, type Filters } from '../../api/docker/filters.ts';
import { KindError } from '../../base/errors.ts';
import type { Engine } from '../../engine/engine.ts';
import type { Image } from '../../engine/images/images.ts';
import { flagParam, param, type Call } from '../call.ts';
import { imageHistory, imageInspect, imageRemoval, imageSummary } from '../encode/image.ts';
import { imageAsOf } from '../encode/older.ts';
import { imageFilters, selectImages } from '../filter-images.ts';
import { checkImagePlatform } from '../parse/platform.ts';
import { tellPruned } from '../tell-pruned.ts';
import type { Route } from '../router.ts';
import { untilTime } from './containers.ts';

export const imageRoutes: readonly Route[] = [
  { method: 'GET', pattern: '/images/json', handle: listImages },
  { method: 'GET', pattern: '/images/search', handle: searchImages },
  { method: 'POST', pattern: '/images/prune', handle: pruneImages },
  { method: 'GET', pattern: '/images/:name*/json', handle: inspectImage },
  { method: 'GET', pattern: '/images/:name*/history', handle: history },
  { method: 'POST', pattern: '/images/:name*/tag', handle: tagImage },
  { method: 'DELETE', pattern: '/images/:name*', handle: removeImage },
];

async function listImages(call: Call): Promise<void> {
  const filters = parseFilters(call.query.get('filters'), imageFilters);
  const name = call.query.get('filter');
  const withName: Filters = name ? new Map([...filters, ['reference', [name]]]) : filters;
  const until = untilTime(filters.get('until')?.[0]);
  const images = selectImages(await call.engine.images.list(), { all: flagParam(call.query, 'all'), filters: withName, until });
  const shared = flagParam(call.query, 'shared-size') ? await sharedBytes(call.engine, images) : undefined;
  call.reply.json(images.map((image) => summary(call, image, shared?.get(image.id) ?? (shared ? 0 : -1))));
}

/** Until API 1.42 an image without a name was called `<none>:<none>`. */
function summary(call: Call, image: Image, inSeveral: number) {
  const row = withVirtualSize(call, imageSummary(image, { containers: -1, sharedBytes: inSeveral }));
  if (call.minor >= 43 || image.names.length > 0) return row;
  return { ...row, RepoTags: ['<none>:<none>'], RepoDigests: image.digests.length > 0 ? image.digests : ['<none>@<none>'] };
}

/** Until API 1.43 the size was there twice. */
export function withVirtualSize<T extends { readonly Size: number }>(call: Call, row: T): T & { readonly VirtualSize?: number } {
  return call.minor >= 44 ? row : { ...row, VirtualSize: row.Size };
}

async function inspectImage(call: Call): Promise<void> {
  const image = await call.engine.images.get(param(call, 'name'));
  checkImagePlatform(call.query.get('platform'), param(call, 'name'), image);
  call.reply.json(imageAsOf(call.minor, withVirtualSize(call, imageInspect(image))));
}

async function history(call: Call): Promise<void> {
  const platform = call.query.get('platform');
  if (platform) checkImagePlatform(platform, param(call, 'name'), await call.engine.images.get(param(call, 'name')));
  call.reply.json((await call.engine.images.history(param(call, 'name'))).map(imageHistory));
}

async function tagImage(call: Call): Promise<void> {
  const repository = call.query.get('repo') ?? '';
  if (repository === '') throw new KindError('invalid', 'invalid reference format: repository name must be given');
  const tag = call.query.get('tag');
  await call.engine.images.tag(param(call, 'name'), tag ? `${repository}:${tag}` : repository);
  call.reply.empty(201);
}

async function removeImage(call: Call): Promise<void> {
  for (const platform of call.query.getAll('platforms')) {
    checkImagePlatform(platform, param(call, 'name'), await call.engine.images.get(param(call, 'name')));
  }
  const options = { force: flagParam(call.query, 'force'), noPrune: flagParam(call.query, 'noprune') };
  call.reply.json((await call.engine.images.remove(param(call, 'name'), options)).map(imageRemoval));
}

async function pruneImages(call: Call): Promise<void> {
  const { images } = call.engine;
  const filters = parseFilters(call.query.get('filters'), ['dangling', 'label', 'label!', 'until']);
  const until = untilTime(filters.get('until')?.[0]);
  const { removals, bytes } = await images.prune({
    all: flagOf(filters, 'dangling') === false,
    matches: ({ config, created }) =>
      labelsMatch(filters, config.Labels ?? {}) && (until === undefined || Date.parse(created ?? '') < until.getTime()),
  });
  tellPruned(call.engine, 'image', bytes);
  call.reply.json({ ImagesDeleted: removals.length > 0 ? removals.map(imageRemoval) : null, SpaceReclaimed: bytes });
}

async function searchImages(): Promise<void> {
  throw new KindError('notImplemented', 'searching Docker Hub is not supported by this engine; use https://hub.docker.com/search');
}

/** Bytes of each image in layers that another of these has as well. */
export async function sharedBytes(engine: Engine, images: readonly Image[]): Promise<ReadonlyMap<string, number>> {
  const users = new Map<string, number>();
  const layers = await Promise.all(images.map(async (image) => ({ id: image.id, layers: await engine.images.layersOf(image) })));
  for (const { chainId } of layers.flatMap((each) => each.layers)) users.set(chainId, (users.get(chainId) ?? 0) + 1);
  return new Map(
    layers.map((each) => [each.id, each.layers.reduce((sum, { chainId, bytes }) => sum + ((users.get(chainId) ?? 0) > 1 ? bytes : 0), 0)]),
  );
}

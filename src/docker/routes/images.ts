import { flagOf, labelsMatch, parseFilters, type Filters } from '../../api/docker/filters.ts';
import { KindError } from '../../base/errors.ts';
import type { Image } from '../../engine/images/images.ts';
import { flagParam, param, type Call } from '../call.ts';
import { imageHistory, imageInspect, imageRemoval, imageSummary } from '../encode/image.ts';
import { imageFilters, selectImages } from '../filter-images.ts';
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
  call.reply.json(images.map((image) => summary(call, image)));
}

/** Until API 1.42 an image without a name was called `<none>:<none>`. */
function summary(call: Call, image: Image) {
  const row = imageSummary(image, -1);
  if (call.minor >= 43 || image.names.length > 0) return row;
  return { ...row, RepoTags: ['<none>:<none>'], RepoDigests: image.digests.length > 0 ? image.digests : ['<none>@<none>'] };
}

async function inspectImage(call: Call): Promise<void> {
  call.reply.json(imageInspect(await call.engine.images.get(param(call, 'name'))));
}

async function history(call: Call): Promise<void> {
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
  const options = { force: flagParam(call.query, 'force'), noPrune: flagParam(call.query, 'noprune') };
  call.reply.json((await call.engine.images.remove(param(call, 'name'), options)).map(imageRemoval));
}

async function pruneImages(call: Call): Promise<void> {
  const { images } = call.engine;
  const filters = parseFilters(call.query.get('filters'), ['dangling', 'label', 'label!', 'until']);
  const all = flagOf(filters, 'dangling') === false;
  const before = new Map((await images.list()).map((image) => [image.id as string, image]));
  const removals =
    filters.has('label') || filters.has('label!') || filters.has('until')
      ? await pruneSome(call, filters, all)
      : await images.prune({ all });
  const bytes = removals.reduce((sum, removal) => sum + ('deleted' in removal ? ownBytes(before, removal.deleted) : 0), 0);
  call.reply.json({ ImagesDeleted: removals.length > 0 ? removals.map(imageRemoval) : null, SpaceReclaimed: bytes });
}

async function pruneSome(call: Call, filters: Filters, all: boolean) {
  const { images, containers } = call.engine;
  const until = untilTime(filters.get('until')?.[0]);
  const used = new Set((await containers.list()).map((container) => container.imageId));
  const chosen = (await images.list()).filter(
    (image) =>
      (all || image.names.length === 0) &&
      !used.has(image.id) &&
      labelsMatch(filters, image.config.config.Labels ?? {}) &&
      (until === undefined || Date.parse(image.config.created ?? '') < until.getTime()),
  );
  const lists = [];
  for (const image of chosen) lists.push(await images.remove(image.id, { force: true, noPrune: false }));
  return lists.flat();
}

/** Layers that the parent shares are not freed. */
function ownBytes(images: ReadonlyMap<string, Image>, id: string): number {
  const image = images.get(id);
  if (!image) return 0;
  const parent = image.parent ? images.get(image.parent) : undefined;
  return Math.max(0, image.bytes - (parent?.bytes ?? 0));
}

async function searchImages(): Promise<void> {
  throw new KindError('notImplemented', 'searching Docker Hub is not supported by this engine; use https://hub.docker.com/search');
}

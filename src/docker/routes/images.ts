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
  const row = withVirtualSize(call, imageSummary(image, { containers: -1, sharedBytes: -1 }));
  if (call.minor >= 43 || image.names.length > 0) return row;
  return { ...row, RepoTags: ['<none>:<none>'], RepoDigests: image.digests.length > 0 ? image.digests : ['<none>@<none>'] };
}

/** Until API 1.43 the size was there twice. */
export function withVirtualSize<T extends { readonly Size: number }>(call: Call, row: T): T & { readonly VirtualSize?: number } {
  return call.minor >= 44 ? row : { ...row, VirtualSize: row.Size };
}

async function inspectImage(call: Call): Promise<void> {
  call.reply.json(withVirtualSize(call, imageInspect(await call.engine.images.get(param(call, 'name')))));
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
  const until = untilTime(filters.get('until')?.[0]);
  const { removals, bytes } = await images.prune({
    all: flagOf(filters, 'dangling') === false,
    matches: ({ config, created }) =>
      labelsMatch(filters, config.Labels ?? {}) && (until === undefined || Date.parse(created ?? '') < until.getTime()),
  });
  call.reply.json({ ImagesDeleted: removals.length > 0 ? removals.map(imageRemoval) : null, SpaceReclaimed: bytes });
}

async function searchImages(): Promise<void> {
  throw new KindError('notImplemented', 'searching Docker Hub is not supported by this engine; use https://hub.docker.com/search');
}

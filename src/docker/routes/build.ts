import { cacheFilters } from '../../engine/build/cache-usage.ts';
import type { BuildOutput, BuildRequest } from '../../engine/build/builder.ts';
import { labelsMatch, parseFilters } from '../../api/docker/filters.ts';
import { flagParam, integerParam, type Call } from '../call.ts';
import { sendMessages, type Message } from '../messages.ts';
import { parseBuild } from '../parse/build.ts';
import { tellPruned } from '../tell-pruned.ts';
import type { Route } from '../router.ts';

export const buildRoutes: readonly Route[] = [
  { method: 'POST', pattern: '/build', handle: build },
  { method: 'POST', pattern: '/build/prune', handle: pruneBuild },
];

async function build(call: Call): Promise<void> {
  const request: BuildRequest = { context: call.body, ...parseBuild(call.query) };
  const output = call.engine.builder.build(request, call.signal);
  await sendMessages(call, request.quiet ? quietMessages(output) : buildMessages(output));
}

async function* buildMessages(output: AsyncIterable<BuildOutput>): AsyncIterable<Message> {
  for await (const item of output) {
    if ('stream' in item) yield item;
    else if ('imageId' in item) yield { aux: { ID: item.imageId } };
  }
}

/** `docker build -q` prints what comes as it is: the image's ID alone. */
async function* quietMessages(output: AsyncIterable<BuildOutput>): AsyncIterable<Message> {
  for await (const item of output) {
    if ('imageId' in item) yield { stream: `${item.imageId}\n` };
  }
}

async function pruneBuild(call: Call): Promise<void> {
  const given = parseFilters(call.query.get('filters'), [...cacheFilters, 'label', 'label!']);
  const filters = Object.fromEntries([...given].filter(([name]) => cacheFilters.includes(name)));
  const rules = {
    all: flagParam(call.query, 'all'),
    keepBytes: integerParam(call.query, 'keep-storage') ?? integerParam(call.query, 'reserved-space'),
    filters,
  };
  // `docker system prune` passes its labels on; what is cached has none.
  const { ids, bytes } = labelsMatch(given, {}) ? await call.engine.builder.prune(rules) : { ids: [], bytes: 0 };
  tellPruned(call.engine, 'builder', bytes);
  call.reply.json({ CachesDeleted: ids.length === 0 ? null : ids, SpaceReclaimed: bytes });
}

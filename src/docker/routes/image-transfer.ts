import { KindError } from '../../base/errors.ts';
import type { PullOptions, PushOptions, PushProgress } from '../../engine/images/images.ts';
import { flagParamOr, param, type Call } from '../call.ts';
import { progressBar } from '../encode/progress-bar.ts';
import { checkPlatform } from '../parse/platform.ts';
import { parseRegistryAuth } from '../parse/registry-auth.ts';
import { sendMessages, type Message } from '../messages.ts';
import type { Route } from '../router.ts';

/** Images in and out: pull, push, import, save, load, commit. */
export const imageTransferRoutes: readonly Route[] = [
  { method: 'POST', pattern: '/images/create', handle: createImage },
  { method: 'POST', pattern: '/images/load', handle: loadImages },
  { method: 'GET', pattern: '/images/get', handle: saveImages },
  { method: 'GET', pattern: '/images/:name*/get', handle: saveImage },
  { method: 'POST', pattern: '/images/:name*/push', handle: pushImage },
  { method: 'POST', pattern: '/commit', handle: commit },
];

async function createImage(call: Call): Promise<void> {
  if (call.query.get('fromImage')) return pull(call);
  if (call.query.get('fromSrc') === '-') return importImage(call);
  throw new KindError('notImplemented', 'importing from a URL is not supported by this engine: download it and use `docker import FILE`');
}

/** Without a tag every tag is pulled, as dockerd has it; `docker pull x` sends `latest`. */
async function pull(call: Call): Promise<void> {
  const name = call.query.get('fromImage') ?? '';
  const tag = call.query.get('tag') ?? '';
  const separator = tag.includes(':') ? '@' : ':';
  const reference = tag === '' ? name : `${name}${separator}${tag}`;
  const allTags = tag === '' && !/[:@][^/]*$/.test(name);
  const platform = checkPlatform(call.query.get('platform'));
  const options: PullOptions = { platform, allTags, credentials: parseRegistryAuth(call.request.headers['x-registry-auth']) };
  await sendMessages(call, progressMessages(call.engine.images.pull(reference, options, call.signal)));
}

async function pushImage(call: Call): Promise<void> {
  const tag = call.query.get('tag') ?? '';
  const name = param(call, 'name');
  const options: PushOptions = { allTags: tag === '', credentials: parseRegistryAuth(call.request.headers['x-registry-auth']) };
  await sendMessages(call, progressMessages(call.engine.images.push(tag === '' ? name : `${name}:${tag}`, options, call.signal)));
}

async function* progressMessages(progress: AsyncIterable<PushProgress>): AsyncIterable<Message> {
  for await (const { id, status, current, total, aux } of progress) {
    if (aux) {
      yield { progressDetail: {}, aux };
      continue;
    }
    const progressDetail = current === undefined ? {} : { current, ...(total === undefined ? {} : { total }) };
    const drawn = current === undefined || total === undefined ? {} : { progress: progressBar(current, total) };
    yield { status, progressDetail, ...drawn, ...(id === undefined ? {} : { id }) };
  }
}

async function importImage(call: Call): Promise<void> {
  const repository = call.query.get('repo') ?? '';
  const tag = call.query.get('tag') ?? '';
  checkPlatform(call.query.get('platform'));
  const options = {
    reference: repository === '' ? undefined : tag === '' ? repository : `${repository}:${tag}`,
    message: call.query.get('message') || undefined,
    changes: call.query.getAll('changes'),
  };
  const image = await call.engine.images.import(call.body, options, call.signal);
  call.reply.begin('application/json');
  await call.reply.line({ status: image.id });
  call.reply.end();
}

async function saveImages(call: Call): Promise<void> {
  const names = call.query.getAll('names');
  if (names.length === 0) throw new KindError('invalid', 'no image given: name at least one with ?names=');
  await call.reply.pipe(await call.engine.images.save(names, call.signal), 'application/x-tar');
}

async function saveImage(call: Call): Promise<void> {
  await call.reply.pipe(await call.engine.images.save([param(call, 'name')], call.signal), 'application/x-tar');
}

async function loadImages(call: Call): Promise<void> {
  await sendMessages(call, loadMessages(call.engine.images.load(call.body, call.signal)));
}

async function* loadMessages(lines: AsyncIterable<string>): AsyncIterable<Message> {
  for await (const line of lines) yield { stream: line.endsWith('\n') ? line : `${line}\n` };
}

async function commit(call: Call): Promise<void> {
  const { query } = call;
  const repository = query.get('repo') ?? '';
  const tag = query.get('tag') ?? '';
  const id = await call.engine.containers.commit(query.get('container') ?? '', {
    reference: repository === '' ? undefined : tag === '' ? repository : `${repository}:${tag}`,
    author: query.get('author') || undefined,
    message: query.get('comment') || undefined,
    changes: query
      .getAll('changes')
      .flatMap((change) => change.split('\n'))
      .filter((change) => change !== ''),
    pause: flagParamOr(query, 'pause', true),
  });
  call.reply.json({ Id: id }, 201);
}

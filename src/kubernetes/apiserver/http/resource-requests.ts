import type { User } from '../access/user.ts';
import { arrayOf, isObject, objectOf, textOf } from '../json.ts';
import { applyPatch } from '../registry/apply-patch.ts';
import { decodeBody, type FieldValidation } from '../registry/decode-body.ts';
import { listObjects, listRevision, reach, type ListPage, type ListQuery, type WatchQuery } from '../registry/reads.ts';
import type { Place, Registry, WriteOptions } from '../registry/registry.ts';
import type { DeleteOptions } from '../registry/removal.ts';
import type { Resource } from '../resources.ts';
import { apiError } from '../status.ts';
import type { Body } from '../strategies/strategy.ts';
import { mediaType, parseText, readBody, readObject, sendJson, sendPieces, unsupported, type Exchange } from './exchange.ts';
import { listOptions, watchOptions } from './list-options.ts';
import { contentType, formOf, listPieces, objectText } from './representation.ts';
import { isTrue, type Target, type Verb } from './target.ts';
import { streamWatch } from './watch-stream.ts';

/** A request for the objects of one kind. */
export interface ResourceRequest {
  readonly exchange: Exchange;
  readonly registry: Registry;
  readonly user: User;
  readonly resource: Resource;
  readonly target: Target;
  /** How long a watcher may take nothing before it is cut off. */
  readonly watchPatienceMs?: number | undefined;
}

export async function serveResource(verb: Verb, request: ResourceRequest): Promise<void> {
  const { registry, resource } = request;
  switch (verb) {
    case 'get':
      return answer(request, 200, await get(request));
    case 'list':
      return sendList(request, await listObjects(registry.store, resource, listQuery(request)));
    case 'watch':
      return streamWatch(request, watchQuery(request));
    case 'create':
      return create(request);
    case 'update':
      return update(request);
    case 'patch':
      return patch(request);
    case 'delete':
      return remove(request);
    case 'deletecollection':
      return removeAll(request);
  }
}

export function placeOf(target: Target): Place {
  return { name: target.name ?? '', ...(target.namespace !== undefined && { namespace: target.namespace }) };
}

/** Answers with one object in the form that the client wants. */
export function answer({ exchange, resource }: ResourceRequest, code: number, object: Body, warnings: readonly string[] = []): void {
  const form = formOf(exchange.headers.accept);
  sendJson(exchange, code, objectText(exchange, resource, object, form), { type: contentType(form), warnings });
}

function sendList({ exchange, resource }: ResourceRequest, page: ListPage): Promise<void> {
  const form = formOf(exchange.headers.accept);
  return sendPieces(exchange, listPieces(exchange, resource, page, form), contentType(form, true));
}

function listQuery({ exchange: { query }, target }: ResourceRequest): ListQuery {
  return { ...listOptions(query), namespace: target.namespace };
}

/** A watch on one name is a watch with a field selector. */
function watchQuery({ exchange: { query }, target: { namespace, name } }: ResourceRequest): WatchQuery {
  return { ...watchOptions(query), namespace, ...(name !== undefined && { fieldSelector: `metadata.name=${name}` }) };
}

/** The newest there is, which is not older than any revision that was given out. */
async function get({ exchange, registry, resource, target }: ResourceRequest): Promise<Body> {
  await reach(registry.store, listRevision(exchange.query.get('resourceVersion') ?? undefined));
  return registry.get(resource, placeOf(target));
}

function validationOf({ query }: Exchange): FieldValidation {
  const asked = query.get('fieldValidation') ?? 'Warn';
  if (asked === 'Strict' || asked === 'Warn' || asked === 'Ignore') return asked;
  throw apiError(
    'Invalid',
    `CreateOptions.meta.k8s.io "" is invalid: fieldValidation: Unsupported value: ${JSON.stringify(asked)}: supported values: "Ignore", "Warn", "Strict"`,
  );
}

export function isDryRun({ query }: Exchange): boolean {
  const asked = query.getAll('dryRun');
  if (asked.some((one) => one !== 'All'))
    throw apiError('Invalid', `dryRun: Unsupported value: ${JSON.stringify(asked)}: supported values: "All"`);
  return asked.length > 0;
}

async function create(request: ResourceRequest): Promise<void> {
  const { exchange, registry, resource, target } = request;
  const { object, warnings } = decodeBody(resource, await readObject(exchange), validationOf(exchange));
  if (object.metadata.resourceVersion) throw apiError('BadRequest', 'resourceVersion should not be set on objects to be created');
  const namespace = target.namespace ?? object.metadata.namespace;
  const said = [...warnings];
  answer(request, 201, await registry.create(resource, namespace, object, writeOptions(request, said)), said);
}

async function update(request: ResourceRequest): Promise<void> {
  const { exchange, registry, resource, target } = request;
  const { object, warnings } = decodeBody(resource, await readObject(exchange), validationOf(exchange));
  const said = [...warnings];
  const options = { ...writeOptions(request, said), subresource: statusOnly(target) };
  answer(request, 200, await registry.update(resource, placeOf(target), () => object, options), said);
}

/** Who asks, and what they are told along the way. */
export function writeOptions({ exchange, user }: ResourceRequest, said: string[]): WriteOptions {
  return {
    user,
    dryRun: isDryRun(exchange),
    manager: managerOf(exchange),
    warn: (message) => {
      if (!said.includes(message)) said.push(message);
    },
  };
}

export function statusOnly(target: Target): 'status' | undefined {
  return target.subresource === 'status' ? 'status' : undefined;
}

const patchTypes = {
  'application/json-patch+json': 'json',
  'application/merge-patch+json': 'merge',
  'application/strategic-merge-patch+json': 'strategic',
  'application/apply-patch+yaml': 'apply',
} as const;

export async function readPatch(
  exchange: Exchange,
): Promise<{ readonly type: (typeof patchTypes)[keyof typeof patchTypes]; readonly body: unknown }> {
  const media = mediaType(exchange);
  const type = Object.entries(patchTypes).find(([name]) => name === media)?.[1];
  if (!type) throw unsupported(Object.keys(patchTypes));
  return { type, body: parseText(await readBody(exchange), type === 'apply') };
}

async function patch(request: ResourceRequest): Promise<void> {
  const { exchange, registry, resource, target } = request;
  const { type, body } = await readPatch(exchange);
  if (type === 'apply' && !exchange.query.get('fieldManager')) {
    throw apiError('Invalid', 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch');
  }
  const said: string[] = [];
  const { object, warnings, isNew } = await applyPatch(registry, resource, placeOf(target), {
    type,
    body,
    subresource: statusOnly(target),
    validation: validationOf(exchange),
    ...writeOptions(request, said),
    force: isTrue(exchange.query.get('force') ?? 'false'),
  });
  answer(request, isNew ? 201 : 200, object, [...warnings, ...said]);
}

/** Who is recorded as the owner of the fields it writes: named, or the program of the User-Agent. */
export function managerOf({ query, headers }: Exchange): string {
  return query.get('fieldManager') || (headers['user-agent'] ?? '').split('/')[0] || 'unknown';
}

/** From the body and, where it leaves them out, from the query. */
export async function deleteOptions(exchange: Exchange): Promise<DeleteOptions> {
  const body = objectOf(await readObject(exchange));
  const seconds = body['gracePeriodSeconds'] ?? exchange.query.get('gracePeriodSeconds') ?? undefined;
  if (seconds !== undefined && !Number.isInteger(Number(seconds))) {
    throw apiError('BadRequest', `gracePeriodSeconds: Invalid value: ${JSON.stringify(seconds)}: must be a whole number of seconds`);
  }
  return {
    gracePeriodSeconds: seconds === undefined ? undefined : Number(seconds),
    propagationPolicy: textOf(body['propagationPolicy'] ?? exchange.query.get('propagationPolicy')) || undefined,
    orphanDependents: body['orphanDependents'] === true || exchange.query.get('orphanDependents') === 'true' || undefined,
    preconditions: isObject(body['preconditions']) ? (body['preconditions'] as DeleteOptions['preconditions']) : undefined,
    dryRun: isDryRun(exchange) || arrayOf(body['dryRun']).includes('All') ? ['All'] : [],
  };
}

/** Kinds that answer a finished deletion with the object itself. */
const returned = new Set(['pods', 'services', 'serviceaccounts', 'persistentvolumes', 'persistentvolumeclaims']);

async function remove(request: ResourceRequest): Promise<void> {
  const { exchange, registry, resource, target } = request;
  const { object, isGone } = await registry.delete(resource, placeOf(target), await deleteOptions(exchange), { user: request.user });
  if (!isGone || returned.has(resource.resource)) return answer(request, 200, object);
  const { name, uid } = object.metadata;
  const details = { name, ...(resource.group && { group: resource.group }), kind: resource.resource, uid };
  return sendJson(exchange, 200, JSON.stringify({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details }));
}

async function removeAll(request: ResourceRequest): Promise<void> {
  const { registry, resource, target } = request;
  const options = await deleteOptions(request.exchange);
  const page = await listObjects(registry.store, resource, listQuery(request));
  const removed = await Promise.all(
    page.items.map(({ metadata }) =>
      registry
        .delete(resource, { name: metadata.name ?? '', namespace: metadata.namespace ?? target.namespace }, options, { user: request.user })
        .then(({ object }) => object),
    ),
  );
  await sendList(request, { resourceVersion: page.resourceVersion, items: removed });
}

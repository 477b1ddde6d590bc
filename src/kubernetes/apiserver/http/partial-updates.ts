import { objectOf, objectsOf, type JsonObject } from '../json.ts';
import { decodeBody } from '../registry/decode-body.ts';
import { patched } from '../registry/patch.ts';
import type { UpdateOptions } from '../registry/registry.ts';
import { timestamp } from '../timestamp.ts';
import type { Body } from '../strategies/strategy.ts';
import { readObject } from './exchange.ts';
import { pathNotFound } from './general.ts';
import { answer, placeOf, readPatch, writeOptions, type ResourceRequest } from './resource-requests.ts';
import type { Verb } from './target.ts';

type Part = NonNullable<UpdateOptions['subresource']>;

/** Subresources through which one part of an object is read and written: the rest of what is sent is passed over. */
export async function servePart(
  verb: Verb,
  request: ResourceRequest,
  part: Part,
  pick: (wanted: Body, current: Body) => Body,
): Promise<void> {
  const { exchange, registry, resource, target } = request;
  if (verb === 'get') return answer(request, 200, await registry.get(resource, placeOf(target)));
  const said: string[] = [];
  const options = { ...writeOptions(request, said), subresource: part };
  if (verb === 'update') {
    const { object } = decodeBody(resource, await readObject(exchange), 'Ignore');
    return answer(request, 200, await registry.update(resource, placeOf(target), (current) => pick(object, current), options), said);
  }
  if (verb !== 'patch') throw pathNotFound();
  const { type, body } = await readPatch(exchange);
  if (type === 'apply') throw pathNotFound();
  const change = (current: Body): Body => pick(decodeBody(resource, patched(resource, current, type, body), 'Ignore').object, current);
  return answer(request, 200, await registry.update(resource, placeOf(target), change, options), said);
}

/** `kubectl debug`: containers that are put into a running pod. */
export const ephemeralContainers = ({ spec, metadata }: Body, current: Body): Body => ({
  ...current,
  metadata: { ...current.metadata, ...(metadata.resourceVersion && { resourceVersion: metadata.resourceVersion }) },
  spec: { ...current.spec, ephemeralContainers: objectOf(spec)['ephemeralContainers'] ?? [] },
});

/** `kubectl certificate approve|deny`: the conditions of a signing request. */
export const approval = ({ status, metadata }: Body, current: Body): Body => {
  const now = timestamp(new Date());
  const conditions = objectsOf(status?.['conditions']).map((one): JsonObject => ({ lastUpdateTime: now, lastTransitionTime: now, ...one }));
  return {
    ...current,
    metadata: { ...current.metadata, ...(metadata.resourceVersion && { resourceVersion: metadata.resourceVersion }) },
    status: { ...current.status, conditions },
  };
};

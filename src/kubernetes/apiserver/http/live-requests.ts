import type { KubernetesObject } from '../../../api/kubernetes/kinds.ts';
import type { LiveResource } from '../live-resource.ts';
import { apiVersion } from '../resources.ts';
import { fieldMatcher, labelMatcher } from '../selectors.ts';
import { apiError, notFound } from '../status.ts';
import { tableOf } from '../table/table.ts';
import { sendJson, type Exchange } from './exchange.ts';
import { contentType, formOf, tableOptions } from './representation.ts';
import type { Target, Verb } from './target.ts';

/** get and list of what is never stored. */
export async function serveLive(live: LiveResource, verb: Verb, exchange: Exchange, target: Target): Promise<void> {
  if (verb !== 'get' && verb !== 'list')
    throw apiError('MethodNotAllowed', 'the server does not allow this method on the requested resource');
  const { query } = exchange;
  const labels = labelMatcher(query.get('labelSelector') ?? undefined);
  const known = ['metadata.name', 'metadata.namespace'];
  const fields = fieldMatcher(query.get('fieldSelector') ?? undefined, `${apiVersion(live)}, Kind=${live.kind}`, known);
  const isWanted = ({ metadata }: KubernetesObject): boolean =>
    (target.namespace === undefined || metadata.namespace === target.namespace) &&
    (target.name === undefined || metadata.name === target.name) &&
    (labels?.(metadata.labels ?? {}) ?? true) &&
    (fields?.({ 'metadata.name': metadata.name, 'metadata.namespace': metadata.namespace ?? '' }) ?? true);
  const objects = (await live.objects()).filter(isWanted);
  if (verb === 'get' && objects.length === 0) throw notFound(live, target.name ?? '');
  const form = formOf(exchange.headers.accept);
  const extra = { type: contentType(form, verb === 'list'), ...(live.warnings && { warnings: live.warnings }) };
  const list = { kind: `${live.kind}List`, apiVersion: apiVersion(live), metadata: {}, items: objects };
  const answer = form === 'table' ? tableOf(live.columns, objects, {}, tableOptions(exchange, true)) : verb === 'get' ? objects[0] : list;
  sendJson(exchange, 200, JSON.stringify(answer), extra);
}

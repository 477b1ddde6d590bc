import type { KubernetesObject } from '../../../api/kubernetes/kinds.ts';
import type { ListPage } from '../registry/reads.ts';
import { jsonOf } from '../registry/codec.ts';
import { apiVersion, type Resource } from '../resources.ts';
import { apiError } from '../status.ts';
import type { Body } from '../strategies/strategy.ts';
import { columnsOf } from '../table/columns.ts';
import { tableOf, type TableOptions } from '../table/table.ts';
import type { Exchange } from './exchange.ts';

/** In which form the client wants objects: whole, as rows to print, or metadata alone. */
export type Form = 'object' | 'table' | 'metadata';

/** From the Accept header; the first part that the server can do wins. */
export function formOf(accept: string | undefined): Form {
  if (accept === undefined || accept === '') return 'object';
  for (const part of accept.split(',')) {
    const [type = '', ...rest] = part.split(';').map((one) => one.trim());
    const parameters = new Map(rest.map((one) => one.split('=') as [string, string]));
    const as = parameters.get('as');
    if (!['application/json', 'application/*', '*/*', 'application/yaml'].includes(type)) continue;
    if (as === undefined) return 'object';
    if (parameters.get('v') !== 'v1') continue;
    if (as === 'Table') return 'table';
    if (as.startsWith('PartialObjectMetadata')) return 'metadata';
  }
  throw apiError('NotAcceptable', 'only the following media types are accepted: application/json');
}

export function contentType(form: Form, isList = false): string {
  if (form === 'table') return 'application/json;as=Table;v=v1;g=meta.k8s.io';
  return form === 'metadata' ? `application/json;as=PartialObjectMetadata${isList ? 'List' : ''};v=v1;g=meta.k8s.io` : 'application/json';
}

/** One object in the wanted form. */
export function objectText(exchange: Exchange, resource: Resource, object: Body, form: Form, withColumns = true): string {
  if (form === 'object') return jsonOf(object);
  if (form === 'metadata') return JSON.stringify(partial(object));
  const metadata = { resourceVersion: object.metadata.resourceVersion };
  return JSON.stringify(
    tableOf(
      resource.custom?.columns ?? columnsOf(resource.kind),
      [object as KubernetesObject],
      metadata,
      tableOptions(exchange, withColumns),
    ),
  );
}

/** Objects in one piece of a list: what is made and sent at a time. */
const itemsPerPiece = 250;

/** A list in pieces, so that the first is on its way while the last is made and nobody else waits for all of them. */
export function* listPieces(exchange: Exchange, resource: Resource, page: ListPage, form: Form): Generator<string> {
  const metadata = { resourceVersion: page.resourceVersion, continue: page.continue, remainingItemCount: page.remaining };
  if (form === 'table')
    return yield JSON.stringify(
      tableOf(
        resource.custom?.columns ?? columnsOf(resource.kind),
        page.items as readonly KubernetesObject[],
        metadata,
        tableOptions(exchange, true),
      ),
    );
  const [kind, version] =
    form === 'metadata' ? ['PartialObjectMetadataList', 'meta.k8s.io/v1'] : [`${resource.kind}List`, apiVersion(resource)];
  const textOf = (item: Body): string => (form === 'metadata' ? JSON.stringify(partial(item)) : jsonOf(item));
  let text = `{"kind":"${kind}","apiVersion":"${version}","metadata":${JSON.stringify(metadata)},"items":[`;
  for (let start = 0; start < page.items.length; start += itemsPerPiece) {
    const items = page.items.slice(start, start + itemsPerPiece).map(textOf);
    yield `${text}${items.join(',')}`;
    text = ',';
  }
  yield page.items.length === 0 ? `${text}]}` : ']}';
}

export function tableOptions(exchange: Exchange, withColumns: boolean): TableOptions {
  const include = exchange.query.get('includeObject');
  return { includeObject: include === 'None' || include === 'Object' ? include : 'Metadata', withColumns, now: Date.now() };
}

/** An object's metadata alone. */
export function partial(object: { readonly metadata: object }): object {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata };
}

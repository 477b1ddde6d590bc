import type { Aggregator } from '../aggregation/aggregator.ts';
import type { Catalog } from '../catalog.ts';
import { sendText, type Exchange } from '../http/exchange.ts';
import { apiError } from '../status.ts';
import { secondTexts, type SecondTexts } from './second-document.ts';

const protobuf = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';
/** What clients ask for; `@` stands in no media type, so that answers name it with a dot. */
const asked = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';

const texts = new WeakMap<Catalog, { readonly generation: string; readonly made: Promise<SecondTexts> }>();

/** `/openapi/v2`, in the form that the client names first of those there are. */
export async function serveSecond(catalog: Catalog, aggregator: Aggregator, exchange: Exchange): Promise<void> {
  const form = formOf(exchange.headers.accept);
  const generation = `${catalog.generation} ${aggregator.generation}`;
  let known = texts.get(catalog);
  if (known?.generation !== generation) {
    known = { generation, made: secondTexts(catalog, aggregator.openapiSecond()) };
    texts.set(catalog, known);
  }
  const { body, zipped, etag } = (await known.made)[form];
  const headers = { etag, vary: 'Accept, Accept-Encoding' };
  const type = form === 'json' ? 'application/json' : protobuf;
  if (exchange.headers['if-none-match'] === etag) return sendText(exchange, 304, '', type, headers);
  const isZipped = /(^|[\s,])gzip($|[\s,;])/.test(String(exchange.headers['accept-encoding'] ?? ''));
  return sendText(exchange, 200, isZipped ? zipped : body, type, { ...headers, ...(isZipped && { 'content-encoding': 'gzip' }) });
}

function formOf(accept: string | undefined): keyof SecondTexts {
  const types = (accept || '*/*').split(',').map((one) => one.split(';')[0]?.trim() ?? '');
  for (const type of types) {
    if (type === asked || type === protobuf) return 'protobuf';
    if (type === 'application/json' || type === 'application/*' || type === '*/*') return 'json';
  }
  throw apiError('NotAcceptable', `only the following media types are accepted: application/json, ${asked}`);
}

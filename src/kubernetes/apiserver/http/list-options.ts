import type { ListQuery, WatchQuery } from '../registry/reads.ts';
import { apiError, invalid, type FieldCause } from '../status.ts';
import { isTrue } from './target.ts';

/** What a list asks for, in its query; refused where kube-apiserver refuses it. */
export function listOptions(query: URLSearchParams): ListQuery {
  const match = query.get('resourceVersionMatch') ?? '';
  const causes: FieldCause[] = [];
  if (match !== '') {
    const version = query.get('resourceVersion') ?? '';
    if (version === '') causes.push(forbiddenMatch('resourceVersionMatch is forbidden unless resourceVersion is provided'));
    if (query.get('continue')) causes.push(forbiddenMatch('resourceVersionMatch is forbidden when continue is provided'));
    if (match !== 'Exact' && match !== 'NotOlderThan') causes.push(unsupportedMatch(match, ['Exact', 'NotOlderThan', '']));
    if (match === 'Exact' && version === '0')
      causes.push(forbiddenMatch('resourceVersionMatch "exact" is forbidden for resourceVersion "0"'));
  }
  if (query.has('sendInitialEvents'))
    causes.push(cause('sendInitialEvents', 'FieldValueForbidden', 'Forbidden: sendInitialEvents is forbidden for list'));
  assertNone(causes);
  return { ...common(query), resourceVersionMatch: match || undefined };
}

/** What a watch asks for. One from "everything there is" says when that was everything, if bookmarks are wanted. */
export function watchOptions(query: URLSearchParams): WatchQuery {
  const match = query.get('resourceVersionMatch') ?? '';
  const asked = query.get('sendInitialEvents');
  const causes: FieldCause[] = [];
  if (asked !== null && match !== 'NotOlderThan')
    causes.push(forbiddenMatch('sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'));
  if (match !== '') {
    if (asked === null) causes.push(forbiddenMatch('resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided'));
    if (match !== 'NotOlderThan') causes.push(unsupportedMatch(match, ['NotOlderThan']));
    if (query.get('continue')) causes.push(forbiddenMatch('resourceVersionMatch is forbidden when continue is provided'));
  }
  assertNone(causes);
  const { limit: _limit, continue: _continue, ...options } = common(query);
  const isFromStart = !options.resourceVersion || options.resourceVersion === '0';
  const sendInitialEvents = asked === null ? isFromStart : isTrue(asked) || (asked !== '0' && asked.toLowerCase() !== 'false');
  return { ...options, sendInitialEvents, wantsBookmarks: isTrue(query.get('allowWatchBookmarks')) };
}

function common(query: URLSearchParams): ListQuery {
  const text = (name: string): string | undefined => query.get(name) || undefined;
  // Read by nobody for a list, but refused by kube-apiserver's decoder for either.
  integer(query, 'timeoutSeconds');
  return {
    labelSelector: text('labelSelector'),
    fieldSelector: text('fieldSelector'),
    continue: text('continue'),
    limit: Math.max(0, integer(query, 'limit')),
    resourceVersion: text('resourceVersion'),
  };
}

function integer(query: URLSearchParams, name: string): number {
  const text = query.get(name) ?? '0';
  if (/^[+-]?\d+$/.test(text)) return Number(text);
  throw apiError('BadRequest', `strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
}

function cause(field: string, reason: string, message: string): FieldCause {
  return { reason, message, field };
}

function forbiddenMatch(why: string): FieldCause {
  return cause('resourceVersionMatch', 'FieldValueForbidden', `Forbidden: ${why}`);
}

function unsupportedMatch(value: string, supported: readonly string[]): FieldCause {
  const values = supported.map((one) => JSON.stringify(one)).join(', ');
  return cause(
    'resourceVersionMatch',
    'FieldValueNotSupported',
    `Unsupported value: ${JSON.stringify(value)}: supported values: ${values}`,
  );
}

const subject = { group: 'meta.k8s.io', resource: 'listoptions', kind: 'ListOptions' };

function assertNone(causes: readonly FieldCause[]): void {
  if (causes.length > 0) throw invalid(subject, '', causes);
}

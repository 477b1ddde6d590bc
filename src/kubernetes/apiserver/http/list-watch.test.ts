import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { configMaps } from '../../../api/kubernetes/kinds.ts';
import { liveServer, type LiveServer } from '../live.fake.ts';
import { get } from './live-get.fake.ts';

const maps = '/api/v1/namespaces/default/configmaps';
let live: LiveServer;
/** The revision before the maps, after a, after b, and after c: each is one write. */
let revisions: readonly number[] = [];

before(async () => {
  live = await liveServer();
  const make = async (name: string): Promise<number> => {
    const metadata = { name, namespace: 'default', labels: { app: name } };
    await live.api.client.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata });
    return live.store.revision;
  };
  await live.api.client.delete(configMaps, { namespace: 'default', name: 'kube-root-ca.crt' }).catch(() => undefined);
  const first = await make('old');
  // Everything before `old` is compacted.
  await live.store.compact(first - 1);
  await live.api.client.delete(configMaps, { namespace: 'default', name: 'old' });
  revisions = [first, live.store.revision, await make('a'), await make('b'), await make('c')];
});
after(() => live[Symbol.asyncDispose]());

interface Listed {
  readonly code: number;
  readonly body: {
    readonly message?: string;
    readonly reason?: string;
    readonly metadata: { readonly resourceVersion?: string; readonly continue?: string; readonly remainingItemCount?: number };
    readonly items?: readonly { readonly metadata: { readonly name: string } }[];
    readonly details?: { readonly causes?: readonly object[]; readonly retryAfterSeconds?: number };
  };
}

/** `$compacted`, `$empty`, `$a`, `$b`, `$now` and `$future` stand for revisions. */
function withRevisions(query: string): string {
  const [old = 0, empty = 0, a = 0, b = 0] = revisions;
  const names = { $compacted: old - 2, $empty: empty, $a: a, $b: b, $now: live.store.revision, $future: live.store.revision + 1000 };
  return Object.entries(names).reduce((text, [name, value]) => text.replaceAll(name, String(value)), query);
}

async function list(query: string): Promise<Listed> {
  const { code, text } = await get(live, `${maps}?${withRevisions(query)}`);
  return { code, body: JSON.parse(text) as Listed['body'] };
}

const ofList = 'ListOptions.meta.k8s.io "" is invalid: ';
const needsVersion = 'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided';
const notExactZero = 'resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"';
const notWithContinue = 'resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden when continue is provided';
const unknownMatch = 'resourceVersionMatch: Unsupported value: "x": supported values: "Exact", "NotOlderThan", ""';
const tooOld = 'The resourceVersion for the provided list is too old.';
const unparsed = 'invalid resource version: resourceVersion: Invalid value: "x": strconv.ParseUint: parsing "x": invalid syntax';
const notOlder = 'resourceVersionMatch=NotOlderThan';
const exact = 'resourceVersionMatch=Exact';
const page = Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: -1, start: 'a\0' })).toString('base64url');
const token = (value: object): string => `continue=${Buffer.from(JSON.stringify(value)).toString('base64url')}`;

/** The matrix of kubernetes.io/docs/reference/using-api/api-concepts/#semantics-for-get-and-list: query → names, or code and message. */
const lists: readonly (readonly [query: string, names: string] | readonly [query: string, code: number, message: string])[] = [
  // unset
  ['', 'a b c'],
  ['resourceVersion=0', 'a b c'],
  ['resourceVersion=$a', 'a b c'],
  ['resourceVersion=$compacted', 'a b c'],
  ['resourceVersion=$future', 504, 'Timeout: Too large resource version: $future, current: $now'],
  ['resourceVersion=x', 400, unparsed],
  // unset, with a limit: the revision itself
  ['limit=2', 'a b …1'],
  ['limit=3', 'a b c'],
  ['limit=2&resourceVersion=0', 'a b c'],
  ['limit=1&resourceVersion=$b', 'a …1'],
  ['limit=1&resourceVersion=$compacted', 410, tooOld],
  ['limit=1&resourceVersion=$future', 504, 'Timeout: Too large resource version: $future, current: $now'],
  ['limit=1&labelSelector=app!%3Da', 'b …'],
  ['limit=x', 400, 'strconv.ParseInt: parsing "x": invalid syntax'],
  ['timeoutSeconds=x', 400, 'strconv.ParseInt: parsing "x": invalid syntax'],
  // unset, going on
  [`limit=1&continue=${page}`, 'b …1'],
  [`continue=${page}`, 'b c'],
  [`continue=${page}&resourceVersion=0`, 'b c'],
  [`continue=${page}&resourceVersion=$a`, 400, 'specifying resource version is not allowed when using continue'],
  // Exact
  [exact, 422, `${ofList}${needsVersion}`],
  [`${exact}&resourceVersion=0`, 422, `${ofList}${notExactZero}`],
  [`${exact}&resourceVersion=$empty`, ''],
  [`${exact}&resourceVersion=$b`, 'a b'],
  [`${exact}&resourceVersion=$compacted`, 410, tooOld],
  [`${exact}&resourceVersion=$future`, 504, 'Timeout: Too large resource version: $future, current: $now'],
  [`${exact}&limit=1`, 422, `${ofList}${needsVersion}`],
  [`${exact}&limit=1&resourceVersion=$b`, 'a …1'],
  [`${exact}&limit=1&resourceVersion=0`, 422, `${ofList}${notExactZero}`],
  [`${exact}&continue=${page}&resourceVersion=$b`, 422, `${ofList}${notWithContinue}`],
  [`${exact}&continue=${page}`, 422, `${ofList}[${needsVersion}, ${notWithContinue}]`],
  // NotOlderThan
  [notOlder, 422, `${ofList}${needsVersion}`],
  [`${notOlder}&resourceVersion=0`, 'a b c'],
  [`${notOlder}&resourceVersion=$a`, 'a b c'],
  [`${notOlder}&resourceVersion=$future`, 504, 'Timeout: Too large resource version: $future, current: $now'],
  [`${notOlder}&limit=1`, 422, `${ofList}${needsVersion}`],
  [`${notOlder}&limit=1&resourceVersion=0`, 'a b c'],
  [`${notOlder}&limit=1&resourceVersion=$a`, 'a …2'],
  [`${notOlder}&continue=${page}&resourceVersion=0`, 422, `${ofList}${notWithContinue}`],
  // others
  ['resourceVersionMatch=x&resourceVersion=1', 422, `${ofList}${unknownMatch}`],
  ['resourceVersionMatch=x', 422, `${ofList}[${needsVersion}, ${unknownMatch}]`],
  ['sendInitialEvents=true', 422, `${ofList}sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list`],
  ['sendInitialEvents=false', 422, `${ofList}sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list`],
  // tokens that are none
  [token({ v: 'v9', rv: 1, start: 'a' }), 400, 'continue key is not valid: server does not recognize this encoded version "v9"'],
  [token({ v: 'meta.k8s.io/v1', rv: 0, start: 'a' }), 400, 'incorrect encoded start resourceVersion (version meta.k8s.io/v1)'],
  [token({ v: 'meta.k8s.io/v1', rv: 1, start: '' }), 400, 'encoded start key empty (version meta.k8s.io/v1)'],
  [token({ v: 'meta.k8s.io/v1', rv: 1, start: '../secrets/a' }), 400, 'continue key is not valid: ../secrets/a'],
];

for (const [query, expected, message] of lists) {
  test(`list ?${query}`, async () => {
    const { code, body } = await list(query);
    if (message !== undefined) {
      assert.equal(code, expected, body.message);
      assert(body.message?.endsWith(withRevisions(message)), body.message);
      return;
    }
    assert.equal(code, 200, body.message);
    const names = body.items?.map(({ metadata }) => metadata.name) ?? [];
    assert.equal([...names, ...(body.metadata.continue ? [`…${body.metadata.remainingItemCount ?? ''}`] : [])].join(' '), expected);
  });
}

test('a revision that nobody gave yet names itself as the cause, and when to ask again', async () => {
  const { body } = await list('resourceVersion=$future');
  assert.deepEqual(body.details, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version', field: '' }],
    retryAfterSeconds: 1,
  });
});

test('pages are of one revision; when it is compacted, 410 carries a token that goes on in the present', async () => {
  await using other = await liveServer();
  const { client } = other.api;
  const make = (name: string): Promise<unknown> =>
    client.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default' } });
  for (const name of ['p1', 'p2', 'p4']) await make(name);
  const read = async (query: string): Promise<Listed> => {
    const { code, text } = await get(other, `${maps}?${query}`);
    return { code, body: JSON.parse(text) as Listed['body'] };
  };
  const names = ({ body }: Listed): string => (body.items ?? []).map(({ metadata }) => metadata.name).join(' ');
  const first = await read('limit=1');
  await make('p3');
  const second = await read(`limit=1&continue=${first.body.metadata.continue}`);
  assert.deepEqual([names(first), names(second)], ['p1', 'p2']);
  assert.equal(second.body.metadata.resourceVersion, first.body.metadata.resourceVersion);
  assert.equal(names(await read(`continue=${second.body.metadata.continue}`)), 'p4');
  await other.store.compact(other.store.revision);
  const late = await read(`limit=1&continue=${second.body.metadata.continue}`);
  assert.deepEqual([late.code, late.body.reason], [410, 'Expired']);
  assert.match(
    late.body.message ?? '',
    /^The provided continue parameter is too old .* use the continue token in this response .* now may show up/,
  );
  const rest = await read(`continue=${late.body.metadata.continue}`);
  assert.equal(names(rest), 'p3 p4');
  assert.equal(rest.body.metadata.resourceVersion, String(other.store.revision));
});

const ofWatch = (cause: string): string => `${ofList}resourceVersionMatch: ${cause}`;
const initial = `sendInitialEvents=true&${notOlder}`;
const none = `sendInitialEvents=false&${notOlder}`;
const needsNotOlder = 'Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan';
const marked = 'allowWatchBookmarks=true';
const all = 'ADDED a, ADDED b, ADDED c';

/** …/api-concepts/#semantics-for-watch: query → events, or code and message. `END` is the bookmark after the initial events. */
const watches: typeof lists = [
  // unset: from everything there is, or from a revision
  ['', all],
  ['resourceVersion=0', all],
  [marked, `${all}, END`],
  [`resourceVersion=0&${marked}`, `${all}, END`],
  ['resourceVersion=$a', 'ADDED b, ADDED c'],
  [`resourceVersion=$a&${marked}`, 'ADDED b, ADDED c'],
  ['resourceVersion=$now', ''],
  ['resourceVersion=$future', ''],
  ['resourceVersion=$compacted', 'ERROR 410 Expired'],
  [
    'resourceVersion=x',
    422,
    'configmaps "" is invalid: resourceVersion: Invalid value: "x": strconv.ParseUint: parsing "x": invalid syntax',
  ],
  ['labelSelector=app%3Db', 'ADDED b'],
  [`limit=1&continue=${page}`, all],
  ['fieldSelector=spec.nope%3D1', 400, 'field label not supported: spec.nope'],
  // sendInitialEvents=true
  [initial, all],
  [`${initial}&${marked}`, `${all}, END`],
  [`${initial}&${marked}&resourceVersion=0`, `${all}, END`],
  [`${initial}&${marked}&resourceVersion=$a`, `${all}, END`],
  [`${initial}&${marked}&resourceVersion=$compacted`, `${all}, END`],
  [`${initial}&resourceVersion=$future`, 'ERROR 504 Timeout'],
  ['sendInitialEvents=true', 422, ofWatch(needsNotOlder)],
  [
    `sendInitialEvents=true&${exact}`,
    422,
    `${ofList}[resourceVersionMatch: ${needsNotOlder}, resourceVersionMatch: Unsupported value: "Exact": supported values: "NotOlderThan"]`,
  ],
  [`${initial}&continue=${page}`, 422, ofWatch('Forbidden: resourceVersionMatch is forbidden when continue is provided')],
  // sendInitialEvents=false
  [none, ''],
  [`${none}&resourceVersion=0`, ''],
  [`${none}&resourceVersion=$b&${marked}`, 'ADDED c'],
  [`${none}&resourceVersion=$compacted`, 'ERROR 410 Expired'],
  ['sendInitialEvents=false', 422, ofWatch(needsNotOlder)],
  // a match alone
  [notOlder, 422, ofWatch('Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided')],
  [
    `${exact}&resourceVersion=$a`,
    422,
    `${ofList}[resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided, resourceVersionMatch: Unsupported value: "Exact": supported values: "NotOlderThan"]`,
  ],
];

interface Event {
  readonly type: string;
  readonly object: {
    readonly kind: string;
    readonly code?: number;
    readonly reason?: string;
    readonly metadata: { readonly name?: string; readonly resourceVersion?: string; readonly annotations?: Record<string, string> };
  };
}

function eventsOf(text: string): readonly Event[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Event);
}

function said({ type, object }: Event): string {
  if (type === 'ERROR') return `ERROR ${object.code} ${object.reason}`;
  if (type !== 'BOOKMARK') return `${type} ${object.metadata.name}`;
  return object.metadata.annotations?.['k8s.io/initial-events-end'] === 'true' ? 'END' : 'BOOKMARK';
}

// Each lasts its second: all at once.
describe('watch', { concurrency: true }, () => {
  for (const [query, expected, message] of watches) {
    test(`?${query}`, async () => {
      const { code, text } = await get(live, `${maps}?watch=true&timeoutSeconds=1&${withRevisions(query)}`);
      if (message !== undefined) {
        assert.equal(code, expected, text);
        assert((JSON.parse(text) as { message: string }).message.endsWith(message), text);
        return;
      }
      assert.equal(code, 200, text);
      assert.equal(eventsOf(text).map(said).join(', '), expected);
    });
  }
});

test('bookmarks tell where to watch on from, in a kind that nobody changes too, in the form that was asked for', async () => {
  const path = '/apis/apps/v1/deployments?watch=true&timeoutSeconds=3&allowWatchBookmarks=true&resourceVersion=';
  const from = live.store.revision;
  const form = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1';
  const [whole, partial] = [get(live, `${path}${from}`), get(live, `${path}${from}`, form)];
  await live.api.client.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'z', namespace: 'kube-public' } });
  for (const [answer, kind] of [
    [await whole, 'Deployment'],
    [await partial, 'PartialObjectMetadata'],
  ] as const) {
    const [event, ...more] = eventsOf(answer.text);
    assert(event && more.length === 0, answer.text);
    assert.deepEqual([said(event), event.object.kind], ['BOOKMARK', kind]);
    assert(Number(event.object.metadata.resourceVersion) > from);
  }
});

test('a list of any length is whole, though it is made while it is sent', async () => {
  const path = '/api/v1/namespaces/kube-node-lease/configmaps';
  const names = Array.from({ length: 501 }, (_, index) => `m${String(index).padStart(4, '0')}`);
  const make = (name: string): Promise<unknown> =>
    live.api.client.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'kube-node-lease' } });
  const listed = async (accept: string): Promise<readonly string[]> => {
    const { items = [] } = JSON.parse((await get(live, path, accept)).text) as Listed['body'];
    return items.map(({ metadata }) => metadata.name);
  };
  // Around the lengths at which another piece begins.
  for (const count of [1, 249, 250, 251, 500, 501]) {
    const known = await listed('application/json');
    await Promise.all(names.slice(known.length, count).map(make));
    assert.deepEqual(await listed('application/json'), names.slice(0, count));
  }
  assert.deepEqual(await listed('application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1'), names);
});

test('get knows any revision that was given out', async () => {
  const one = `${maps}/a?resourceVersion=`;
  const rows = [
    ['0', 200],
    [String(revisions[2]), 200],
    [String(live.store.revision + 1000), 504],
    ['x', 400],
  ] as const;
  for (const [version, code] of rows) assert.equal((await get(live, `${one}${version}`)).code, code, version);
});

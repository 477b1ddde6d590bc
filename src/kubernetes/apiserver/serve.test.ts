import assert from 'node:assert/strict';
import { request } from 'node:https';
import { after, before, test } from 'node:test';
import { configMaps, deployments, namespaces, nodes, pods, services } from '../../api/kubernetes/kinds.ts';
import type { Pod } from '../../api/kubernetes/types.generated.ts';
import { KindError } from '../../base/errors.ts';
import { httpClient } from '../client/http-client.ts';
import type { WatchEvent } from '../client/client.ts';
import { liveServer, type LiveServer } from './live.fake.ts';

let live: LiveServer;
before(async () => {
  live = await liveServer();
});
after(() => live[Symbol.asyncDispose]());

interface Answer {
  readonly code: number;
  readonly warning: string | undefined;
  readonly body: { readonly message?: string; readonly reason?: string; readonly [field: string]: unknown };
}

/** A plain HTTP/1.1 request, by the administrator unless it is to come from nobody. */
function send(
  method: string,
  path: string,
  body?: unknown,
  options: { readonly type?: string; readonly accept?: string; readonly isAnonymous?: boolean } = {},
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const identity = options.isAnonymous ? {} : live.admin;
  const headers = { 'content-type': options.type ?? 'application/json', accept: options.accept ?? 'application/json' };
  const outgoing = request(`${live.api.url}${path}`, { method, ca: live.ca, ...identity, headers, agent: false }, (incoming) => {
    void incoming.toArray().then((chunks: Buffer[]) => {
      const text = Buffer.concat(chunks).toString('utf8');
      const isJson = incoming.headers['content-type']?.startsWith('application/json') === true && !path.includes('watch=true');
      resolve({
        code: incoming.statusCode ?? 0,
        warning: incoming.headers['warning'] as string | undefined,
        body: isJson ? JSON.parse(text) : { text },
      });
    }, reject);
  });
  outgoing.on('error', reject);
  outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  return promise;
}

const podOf = (name: string, spec: object = {}): Pod =>
  ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'default' },
    spec: { containers: [{ name: 'c', image: 'nginx' }], ...spec },
  }) as Pod;
const root = '/api/v1/namespaces/default';

test('what every cluster starts with', async () => {
  const { client } = live.api;
  assert.deepEqual(
    (await client.list(namespaces)).items.map((one) => one.metadata.name),
    ['default', 'kube-node-lease', 'kube-public', 'kube-system'],
  );
  assert.equal((await client.get(services, { namespace: 'default', name: 'kubernetes' })).spec?.clusterIP, '10.96.0.1');
});

test('a pod is created with defaults, found, patched and deleted at once while it has no node', async () => {
  const created = await send('POST', `${root}/pods`, podOf('web'));
  assert.equal(created.code, 201);
  const { metadata, spec, status } = created.body as unknown as Pod;
  assert.equal(spec?.restartPolicy, 'Always');
  assert.equal(spec?.containers[0]?.imagePullPolicy, 'Always');
  assert.deepEqual(status, { phase: 'Pending', qosClass: 'BestEffort' });
  assert.equal(metadata.generation, 1);
  const patched = await send('PATCH', `${root}/pods/web`, { metadata: { labels: { a: 'b' } } }, { type: 'application/merge-patch+json' });
  assert.deepEqual((patched.body as unknown as Pod).metadata.labels, { a: 'b' });
  assert.equal((await send('GET', `${root}/pods?labelSelector=a%3Db`)).body['kind'], 'PodList');
  assert.equal((await send('DELETE', `${root}/pods/web`)).code, 200);
  const missing = await send('GET', `${root}/pods/web`);
  assert.equal(missing.code, 404);
  assert.equal(missing.body.message, 'pods "web" not found');
});

test('bad requests get the texts of kube-apiserver', async () => {
  const rows: readonly [string, Promise<Answer>, number, string][] = [
    [
      'unknown namespace',
      send('POST', '/api/v1/namespaces/nope/pods', { ...podOf('x'), metadata: { name: 'x' } }),
      404,
      'namespaces "nope" not found',
    ],
    [
      'unknown field',
      send('POST', `${root}/pods?fieldValidation=Strict`, podOf('x', { foo: 1 })),
      400,
      'Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field "spec.foo"',
    ],
    [
      'bad name',
      send('POST', `${root}/configmaps`, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'Bad_Name' } }),
      422,
      'ConfigMap "Bad_Name" is invalid: metadata.name: Invalid value: "Bad_Name": a lowercase RFC 1123 subdomain',
    ],
    [
      'no containers',
      send('POST', `${root}/pods`, podOf('x', { containers: [] })),
      422,
      'Pod "x" is invalid: spec.containers: Required value',
    ],
    [
      'protobuf',
      send('POST', `${root}/pods`, {}, { type: 'application/vnd.kubernetes.protobuf' }),
      415,
      'the body of the request was in an unknown format',
    ],
    [
      'protobuf answer',
      send('GET', `${root}/pods`, undefined, { accept: 'application/vnd.kubernetes.protobuf' }),
      406,
      'only the following media types are accepted',
    ],
    ['anonymous', send('GET', `${root}/pods`, undefined, { isAnonymous: true }), 401, 'Unauthorized'],
    ['unknown path', send('GET', '/apis/nope/v1/things'), 404, 'the server could not find the requested resource'],
    ['bad selector', send('GET', `${root}/pods?fieldSelector=spec.nope%3D1`), 400, 'Unable to find "v1, Kind=Pod"'],
    ['too large', send('POST', `${root}/configmaps`, { data: { a: 'x'.repeat(4 * 2 ** 20) } }), 413, 'Request entity too large'],
  ];
  for (const [what, answer, code, text] of rows) {
    const { code: actual, body } = await answer;
    assert.equal(actual, code, what);
    assert(body.message?.startsWith(text), `${what}: ${body.message}`);
  }
  assert.match((await send('POST', `${root}/pods?dryRun=All`, podOf('x', { foo: 1 }))).warning ?? '', /unknown field \\"spec\.foo\\"/);
  assert.equal((await send('GET', '/readyz', undefined, { isAnonymous: true })).code, 200);
});

test('updates are optimistic, the status is apart, and what did not change is not written', async () => {
  const { client } = live.api;
  const made = await client.create(configMaps, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'c', namespace: 'default' },
    data: { a: '1' },
  });
  const changed = await client.update(configMaps, { ...made, data: { a: '2' } });
  assert.equal(await client.update(configMaps, changed), await client.get(configMaps, { namespace: 'default', name: 'c' }));
  await assert.rejects(client.update(configMaps, { ...made, data: { a: '3' } }), {
    kind: 'conflict',
    message:
      'Operation cannot be fulfilled on configmaps "c": the object has been modified; please apply your changes to the latest version and try again',
  });
  const pod = await client.create(pods, podOf('s'));
  const updated = await client.update(pods, { ...pod, metadata: { ...pod.metadata, labels: { l: '1' } }, status: { phase: 'Running' } });
  assert.equal(updated.status?.phase, 'Pending');
  assert.equal((await client.update(pods, { ...updated, status: { phase: 'Running' } }, 'status')).status?.phase, 'Running');
});

test('a watcher sees what matches enter and leave, and the end of the initial events', async () => {
  const { client } = live.api;
  const stop = new AbortController();
  const { resourceVersion } = await client.list(pods);
  const events: string[] = [];
  const watching = (async () => {
    for await (const event of client.watch(pods, { labelSelector: 'w=1', resourceVersion }, stop.signal) as AsyncIterable<
      WatchEvent<Pod>
    >) {
      events.push(event.type);
      if (event.type === 'DELETED') break;
    }
  })();
  const pod = await client.create(pods, podOf('w'));
  const labelled = await client.update(pods, { ...pod, metadata: { ...pod.metadata, labels: { w: '1' } } });
  const again = await client.update(pods, { ...labelled, metadata: { ...labelled.metadata, annotations: { x: 'y' } } });
  await client.update(pods, { ...again, metadata: { ...again.metadata, labels: {} } });
  await watching;
  assert.deepEqual(events, ['ADDED', 'MODIFIED', 'DELETED']);
  const path =
    '/api/v1/namespaces?watch=true&sendInitialEvents=true&allowWatchBookmarks=true&timeoutSeconds=1&resourceVersionMatch=NotOlderThan';
  const lines = String((await send('GET', path)).body['text'])
    .trim()
    .split('\n');
  const last = JSON.parse(lines.at(-1) ?? '') as { type: string; object: { metadata: { annotations: object } } };
  assert.deepEqual([last.type, last.object.metadata.annotations], ['BOOKMARK', { 'k8s.io/initial-events-end': 'true' }]);
  assert.equal(lines.length, 5);
});

test('a running pod is deleted by its kubelet, with grace; a second request can only shorten it', async () => {
  const { client } = live.api;
  await client.create(pods, podOf('g'));
  await client.bind({ namespace: 'default', name: 'g' }, 'node-1');
  await assert.rejects(client.bind({ namespace: 'default', name: 'g' }, 'node-2'), { kind: 'conflict' });
  await client.delete(pods, { namespace: 'default', name: 'g' });
  const dying = await client.get(pods, { namespace: 'default', name: 'g' });
  assert.equal(dying.metadata.deletionGracePeriodSeconds, 30);
  assert.equal(dying.status?.conditions?.[0]?.type, 'PodScheduled');
  await client.delete(pods, { namespace: 'default', name: 'g' }, { gracePeriodSeconds: 0 });
  await assert.rejects(client.get(pods, { namespace: 'default', name: 'g' }), { kind: 'notFound' });
});

test('finalizers hold an object until they are gone; a dying namespace takes nothing new', async () => {
  const { client } = live.api;
  await client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'dying' } });
  await client.delete(namespaces, { name: 'dying' });
  await assert.rejects(
    client.create(pods, { ...podOf('p'), metadata: { name: 'p', namespace: 'dying' } }),
    /because it is being terminated/,
  );
  await send('PUT', '/api/v1/namespaces/dying/finalize', {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'dying' },
    spec: { finalizers: [] },
  });
  await assert.rejects(client.get(namespaces, { name: 'dying' }), { kind: 'notFound' });
  const key = { namespace: 'default', name: 'held' };
  await client.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...key, finalizers: ['davit.dev/hold'] } });
  await client.delete(configMaps, key);
  assert((await client.get(configMaps, key)).metadata.deletionTimestamp);
  await client.patch(configMaps, key, { type: 'merge', body: { metadata: { finalizers: null } } });
  await assert.rejects(client.get(configMaps, key), { kind: 'notFound' });
});

test('Services get addresses of their own and keep them', async () => {
  const { client } = live.api;
  const make = (name: string, spec: object): Promise<unknown> =>
    client.create(services, {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace: 'default' },
      spec: { ports: [{ port: 80 }], ...spec },
    });
  await make('a', { type: 'NodePort', ports: [{ port: 80, nodePort: 30_080 }] });
  const made = await client.get(services, { namespace: 'default', name: 'a' });
  assert.match(made.spec?.clusterIP ?? '', /^10\.96\./);
  await assert.rejects(make('b', { clusterIP: '10.96.0.1' }), /provided IP is already allocated/);
  await assert.rejects(
    make('b', { type: 'NodePort', ports: [{ port: 80, nodePort: 30_080 }] }),
    /spec\.ports\[0\]\.nodePort: Invalid value: 30080: provided port is already allocated/,
  );
  const patched = await client.patch(
    services,
    { namespace: 'default', name: 'a' },
    { type: 'merge', body: { spec: { ports: [{ port: 80, targetPort: 8080 }] } } },
  );
  assert.equal(patched.spec?.ports?.[0]?.nodePort, 30_080);
  assert.equal(patched.spec?.clusterIP, made.spec?.clusterIP);
});

test('the same through a remote client: a node registers itself and may not touch another', async () => {
  const identity = await live.issue('system:node:n1', 'system:nodes');
  await using client = httpClient({ server: live.api.url, ca: live.ca, ...identity });
  const node = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' }, status: { phase: 'x' } };
  assert.equal((await client.create(nodes, node)).metadata.name, 'n1');
  await assert.rejects(client.delete(nodes, { name: 'n1' }), (error: unknown) => error instanceof KindError && error.kind === 'forbidden');
});

test('scale reads and writes replicas and nothing else', async () => {
  const { client } = live.api;
  const template = { metadata: { labels: { app: 'd' } }, spec: { containers: [{ name: 'c', image: 'i:1' }] } };
  await client.create(deployments, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'd', namespace: 'default' },
    spec: { selector: { matchLabels: { app: 'd' } }, template },
  });
  const path = '/apis/apps/v1/namespaces/default/deployments/d/scale';
  const scale = (await send('PATCH', path, { spec: { replicas: 5 } }, { type: 'application/merge-patch+json' })).body as {
    spec?: object;
    status?: object;
  };
  assert.deepEqual([scale.spec, scale.status], [{ replicas: 5 }, { replicas: 0, selector: 'app=d' }]);
  const scaled = await client.get(deployments, { namespace: 'default', name: 'd' });
  assert.deepEqual([scaled.spec?.replicas, scaled.metadata.generation, scaled.spec?.strategy?.type], [5, 2, 'RollingUpdate']);
});

test('server-side apply: who owns what, conflicts, force, and what is left out goes away', async () => {
  const path = (manager: string, more = ''): string => `/apis/apps/v1/namespaces/default/deployments/ssa?fieldManager=${manager}${more}`;
  const apply = (manager: string, spec: object, more = ''): Promise<Answer> =>
    send(
      'PATCH',
      path(manager, more),
      { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'ssa' }, spec },
      { type: 'application/apply-patch+yaml' },
    );
  const container = { name: 'c', image: 'i:1' };
  const selector = { matchLabels: { app: 'ssa' } };
  const spec = (extra: object): object => ({
    selector,
    template: { metadata: { labels: { app: 'ssa' } }, spec: { containers: [{ ...container, ...extra }] } },
  });
  assert.equal((await apply('one', { ...spec({ command: ['x'] }), replicas: 2 })).code, 201);
  assert.equal((await apply('one', { ...spec({ command: ['x'] }), replicas: 2 })).code, 200);
  const refused = await apply('two', { replicas: 3 });
  assert.deepEqual([refused.code, refused.body.message], [409, 'Apply failed with 1 conflict: conflict with "one": .spec.replicas']);
  assert.equal((await apply('two', { replicas: 3 }, '&force=true')).code, 200);
  await apply('one', spec({}));
  const { metadata, spec: now } = await live.api.client.get(deployments, { namespace: 'default', name: 'ssa' });
  assert.deepEqual([now?.replicas, now?.template.spec?.containers[0]?.command], [3, undefined]);
  assert.deepEqual(metadata.managedFields?.map((one) => one.manager).toSorted(), ['one', 'two']);
});

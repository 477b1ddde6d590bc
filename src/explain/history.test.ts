import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { eventually } from '../../test/support/eventually.ts';
import { deployments, nodes, pods, replicaSets } from '../api/kubernetes/kinds.ts';
import { isKind } from '../base/errors.ts';
import { silentLog } from '../base/log.ts';
import { openHistory, type HistoryFile } from '../daemon/open-history.ts';
import { liveServer, type LiveServer } from '../kubernetes/apiserver/live.fake.ts';
import type { Act } from '../kubernetes/client/acts.ts';
import { startControllers } from '../kubernetes/controllers/start.ts';
import { startScheduler } from '../kubernetes/scheduler/start.ts';
import { answerHistory } from './answer-history.ts';
import { historyOf, type History } from './history.ts';
import { renderHistory } from './render-history.ts';

const folder = mkdtempSync(join(tmpdir(), 'davit-history-'));
const within = { withinMs: 20_000 };
const stack = new AsyncDisposableStack();
let server: LiveServer;
let file: HistoryFile;

before(async () => {
  server = stack.use(await liveServer());
  file = stack.use(await openHistory(join(folder, 'history'), silentLog));
  const { client } = server.api;
  const { record } = file;
  stack.use(await startControllers({ client, log: silentLog, rootCa: 'CA', volumesFolder: folder, balancerPool: '192.0.2.0/28', record }));
  stack.use(await startScheduler({ client, log: silentLog, record }));
  const node = await client.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } });
  const status = { allocatable: { cpu: '2', memory: '4Gi', pods: '100' }, conditions: [{ type: 'Ready', status: 'True' }] };
  await client.update(nodes, { ...node, status }, 'status');
});
after(async () => {
  await stack.disposeAsync();
  rmSync(folder, { recursive: true, force: true });
});

const about = (...path: readonly string[]): Promise<History> => answerHistory(server.api.reader, file.lines)(path);
const texts = ({ acts }: History): string[] => acts.map(({ by, verb, object }) => `${by}: ${verb} ${object.kind}`);

test("a Deployment's history is that of its ReplicaSets and pods, with causes, also when all are gone", async () => {
  const { client } = server.api;
  const key = { namespace: 'default', name: 'web' };
  const labels = { app: 'web' };
  const template = { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'busybox' }] } };
  await client.create(deployments, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: key,
    spec: { replicas: 2, selector: { matchLabels: labels }, template },
  });
  await eventually(async () => {
    const { items } = await client.list(pods, { namespace: 'default' });
    assert.deepEqual(
      items.map(({ spec }) => spec?.nodeName),
      ['n1', 'n1'],
    );
  }, within);
  const [set] = (await client.list(replicaSets, { namespace: 'default' })).items;
  const [pod] = (await client.list(pods, { namespace: 'default' })).items;
  await eventually(async () => {
    const found = await about('deploy', 'default', 'web');
    for (const text of [
      'deployment-controller: create ReplicaSet',
      'deployment-controller: ScalingReplicaSet Deployment',
      'replicaset-controller: create Pod',
      'default-scheduler: bind Pod',
      'default-scheduler: Scheduled Pod',
    ])
      assert.ok(texts(found).includes(text), `${text}: ${texts(found).join(', ')}`);
  }, within);
  const made = (await about('deploy', 'default', 'web')).acts.find(({ verb, object }) => verb === 'create' && object.kind === 'ReplicaSet');
  assert.deepEqual(made?.object, { kind: 'ReplicaSet', key: `default/${set?.metadata.name}` });
  assert.equal(made?.detail, '2 replicas');
  assert.match(made?.causes[0] ?? '', /^Deployment default\/web added @\d+( by \S+)?$/);

  await client.delete(deployments, key, { propagationPolicy: 'Background' });
  await eventually(
    async () => assert.equal(await client.get(deployments, key).catch((error: unknown) => isKind(error, 'notFound')), true),
    within,
  );
  await eventually(async () => {
    const found = await about('deployments', 'default', 'web');
    const gone = found.acts.find(({ verb, object }) => verb === 'delete' && object.kind === 'ReplicaSet');
    assert.equal(gone?.by, 'garbage-collector', texts(found).join(', '));
    assert.match(gone?.causes.join() ?? '', /Deployment default\/web deleted @\d+/);
  }, within);
  const lone = await about('pod', 'default', pod?.metadata.name ?? '');
  assert.deepEqual(
    lone.acts.filter(({ object }) => object.key !== `default/${pod?.metadata.name}`),
    [],
  );
  assert.ok(texts(lone).includes('default-scheduler: bind Pod'));
  assert.equal((await about('pod', 'default', 'nobody')).acts.length, 0);
  await assert.rejects(about('wat', 'default', 'web'), (error) => isKind(error, 'notFound'));
});

const act = (index: number): Act => ({
  at: new Date(1_700_000_000_000 + index * 1000).toISOString(),
  by: 'replicaset-controller',
  about: { kind: 'ReplicaSet', key: 'default/a' },
  causes: ['time'],
  verb: 'create',
  object: { kind: 'Pod', key: `default/a-${index}` },
});

async function* linesOf(count: number): AsyncGenerator<string> {
  for (let index = 0; index < count; index++) yield JSON.stringify(act(index));
}

test('the newest acts of many, and the count of those left out; since a time; a torn line is passed over', async () => {
  const many = await historyOf(linesOf(12_345), { kind: 'ReplicaSet', key: 'default/a' });
  assert.deepEqual([many.acts.length, many.leftOut, many.acts.at(-1)?.object.key], [5000, 7345, 'default/a-12344']);
  const some = await historyOf(linesOf(100), { kind: 'ReplicaSet', key: 'default/a' }, act(90).at);
  assert.deepEqual([some.acts.length, some.leftOut], [10, 0]);
  async function* torn(): AsyncGenerator<string> {
    yield JSON.stringify(act(0)).slice(0, 40);
    yield* linesOf(1);
  }
  assert.equal((await historyOf(torn(), { kind: 'Pod', key: 'default/a-0' })).acts.length, 1);
});

test('for people: one line an act, its causes below, once where they stay the same', () => {
  const status = { ...act(2), verb: 'update status of', object: { kind: 'ReplicaSet', key: 'default/a' } };
  const told = { ...act(3), by: 'kubelet on n1', verb: 'Started', causes: [], detail: 'Started container c' };
  const found = { object: 'ReplicaSet default/a', acts: [act(0), act(1), status, told], leftOut: 3 };
  assert.equal(
    renderHistory(found, { all: false }),
    `(3 older ones are left out)
2023-11-14 22:13:20.000   replicaset-controller   create Pod default/a-0
                                                  because time
2023-11-14 22:13:21.000   replicaset-controller   create Pod default/a-1
2023-11-14 22:13:23.000   kubelet on n1           Pod default/a-3 Started: Started container c
`,
  );
  assert.match(renderHistory(found, { all: true }), /update status of ReplicaSet default\/a/);
  assert.match(renderHistory({ ...found, acts: [] }, { all: false }), /nothing was done/);
});

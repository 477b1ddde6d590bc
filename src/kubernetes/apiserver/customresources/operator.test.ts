import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import * as k8s from '@kubernetes/client-node';
import { eventually } from '../../../../test/support/eventually.ts';
import { kubeconfigOf, liveServer, type LiveServer } from '../live.fake.ts';

/** An operator as people write it, with the library they write it with: a Greeting becomes a ConfigMap, and tells so in its status. */
const group = 'demo.example.com';
const [version, plural] = ['v1', 'greetings'];

interface Greeting extends k8s.KubernetesObject {
  readonly spec?: { readonly name: string };
  readonly status?: { readonly text?: string };
}

let live: LiveServer;
let config: k8s.KubeConfig;
before(async () => {
  live = await liveServer();
  config = new k8s.KubeConfig();
  config.loadFromString(kubeconfigOf(live));
});
after(() => live[Symbol.asyncDispose]());

async function defineGreetings(): Promise<void> {
  const api = config.makeApiClient(k8s.ApiextensionsV1Api);
  const spec = { type: 'object', properties: { name: { type: 'string' } } };
  const status = { type: 'object', properties: { text: { type: 'string' } } };
  await api.createCustomResourceDefinition({
    body: {
      metadata: { name: `${plural}.${group}` },
      spec: {
        group,
        scope: 'Namespaced',
        names: { plural, singular: 'greeting', kind: 'Greeting' },
        versions: [
          {
            name: version,
            served: true,
            storage: true,
            subresources: { status: {} },
            schema: { openAPIV3Schema: { type: 'object', properties: { spec, status } } },
          },
        ],
      },
    },
  });
  await eventually(
    async () => {
      const made = await api.readCustomResourceDefinition({ name: `${plural}.${group}` });
      assert(made.status?.conditions?.some((one) => one.type === 'Established' && one.status === 'True'));
    },
    { withinMs: 2000 },
  );
}

function startOperator(errors: unknown[]): k8s.Informer<Greeting> {
  const custom = config.makeApiClient(k8s.CustomObjectsApi);
  const core = config.makeApiClient(k8s.CoreV1Api);
  const list = async (): Promise<k8s.KubernetesListObject<Greeting>> =>
    (await custom.listClusterCustomObject({ group, version, plural })) as k8s.KubernetesListObject<Greeting>;
  const informer = k8s.makeInformer<Greeting>(config, `/apis/${group}/${version}/${plural}`, list);
  const reconcile = async ({ metadata, spec, status }: Greeting): Promise<void> => {
    const { name = '', namespace = '', uid = '' } = metadata ?? {};
    const text = `Hello, ${spec?.name}!`;
    if (status?.text === text) return;
    const ownerReferences = [{ apiVersion: `${group}/${version}`, kind: 'Greeting', name, uid, controller: true }];
    const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ownerReferences }, data: { text } };
    await core.patchNamespacedConfigMap(
      { name, namespace, body, fieldManager: 'greeter', force: true },
      k8s.setHeaderOptions('Content-Type', k8s.PatchStrategy.ServerSideApply),
    );
    await custom.patchNamespacedCustomObjectStatus(
      { group, version, plural, name, namespace, body: { status: { text } } },
      k8s.setHeaderOptions('Content-Type', k8s.PatchStrategy.MergePatch),
    );
  };
  const handle = (object: Greeting): void => void reconcile(object).catch((error: unknown) => errors.push(error));
  informer.on('add', handle);
  informer.on('update', handle);
  return informer;
}

test('an operator written with an off-the-shelf library runs', async () => {
  await defineGreetings();
  const errors: unknown[] = [];
  const informer = startOperator(errors);
  await informer.start();
  try {
    const custom = config.makeApiClient(k8s.CustomObjectsApi);
    const core = config.makeApiClient(k8s.CoreV1Api);
    const place = { group, version, plural, namespace: 'default' };
    const textIs = (text: string): Promise<void> =>
      eventually(
        async () => {
          assert.deepEqual(errors, []);
          const { data } = await core.readNamespacedConfigMap({ name: 'world', namespace: 'default' });
          const greeting = (await custom.getNamespacedCustomObject({ ...place, name: 'world' })) as Greeting;
          assert.deepEqual([data?.['text'], greeting.status?.text], [text, text]);
        },
        { withinMs: 5000 },
      );
    const body = { apiVersion: `${group}/${version}`, kind: 'Greeting', metadata: { name: 'world' }, spec: { name: 'world' } };
    await custom.createNamespacedCustomObject({ ...place, body });
    await textIs('Hello, world!');
    await custom.patchNamespacedCustomObject(
      { ...place, name: 'world', body: { spec: { name: 'moon' } } },
      k8s.setHeaderOptions('Content-Type', k8s.PatchStrategy.MergePatch),
    );
    await textIs('Hello, moon!');
    const made = await core.readNamespacedConfigMap({ name: 'world', namespace: 'default' });
    assert.deepEqual(
      made.metadata?.managedFields?.map(({ manager, operation }) => [manager, operation]),
      [['greeter', 'Apply']],
    );
    await custom.deleteNamespacedCustomObject({ ...place, name: 'world' });
    await eventually(
      async () => {
        const { items } = await core.listNamespacedConfigMap({ namespace: 'default' });
        assert.deepEqual(
          items.map(({ metadata }) => metadata?.name),
          [],
          'what it owned went with it',
        );
      },
      { withinMs: 2000 },
    );
  } finally {
    await informer.stop();
  }
});

test('typed calls, a watch, and what a wrong call gets', async () => {
  const core = config.makeApiClient(k8s.CoreV1Api);
  const seen: string[] = [];
  const watch = new k8s.Watch(config);
  const stop = await watch.watch(
    '/api/v1/namespaces/default/configmaps',
    { labelSelector: 'a=b' },
    (type: string, object: k8s.V1ConfigMap) => seen.push(`${type} ${object.metadata?.name}`),
    () => undefined,
  );
  await core.createNamespacedConfigMap({ namespace: 'default', body: { metadata: { name: 'w', labels: { a: 'b' } } } });
  await core.deleteNamespacedConfigMap({ namespace: 'default', name: 'w' });
  await eventually(async () => assert.deepEqual(seen, ['ADDED w', 'DELETED w']), { withinMs: 2000 });
  stop.abort();
  await assert.rejects(core.readNamespacedPod({ namespace: 'default', name: 'none' }), (error: unknown) => {
    assert(error instanceof k8s.ApiException);
    assert.equal(error.code, 404);
    return true;
  });
});

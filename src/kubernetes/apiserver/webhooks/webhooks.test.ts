import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import {
  configMaps,
  deployments,
  mutatingWebhookConfigurations,
  namespaces,
  validatingAdmissionPolicies,
  validatingAdmissionPolicyBindings,
  validatingWebhookConfigurations,
} from '../../../api/kubernetes/kinds.ts';
import type { ConfigMap, Deployment } from '../../../api/kubernetes/types.generated.ts';
import { KindError } from '../../../base/errors.ts';
import { liveServer, type LiveServer } from '../live.fake.ts';

let live: LiveServer;
let webhook: Server;
const asked: { path: string; operation: string; user: string; dryRun: boolean; object: ConfigMap | null }[] = [];

interface Review {
  readonly request: {
    readonly uid: string;
    readonly operation: string;
    readonly dryRun: boolean;
    readonly userInfo: { readonly username: string };
    readonly object: ConfigMap | null;
  };
}

const patch = (operations: readonly object[]): object => ({
  patchType: 'JSONPatch',
  patch: Buffer.from(JSON.stringify(operations)).toString('base64'),
});

/** What each path of the webhook says. */
function verdict(path: string, object: ConfigMap | null): object {
  const data = object?.data ?? {};
  switch (path) {
    case '/add-a':
      return { allowed: true, ...patch([{ op: 'add', path: '/data/a', value: String(Object.keys(data).length) }]) };
    case '/add-b':
      return { allowed: true, ...(data['b'] === undefined && patch([{ op: 'add', path: '/data/b', value: 'b' }])) };
    case '/deny':
      return data['bad']
        ? { allowed: false, status: { message: 'no bad things', code: 422, reason: 'Invalid' } }
        : { allowed: true, warnings: ['looked at'] };
    default:
      return { allowed: true };
  }
}

before(async () => {
  live = await liveServer();
  webhook = createServer(await live.issue('webhook', undefined, ['127.0.0.1']), (incoming, outgoing) => {
    void incoming.toArray().then((chunks: Buffer[]) => {
      const { request } = JSON.parse(Buffer.concat(chunks).toString()) as Review;
      const { operation, dryRun, object } = request;
      asked.push({ path: incoming.url ?? '', operation, dryRun, object, user: request.userInfo.username });
      outgoing.end(JSON.stringify({ response: { uid: request.uid, ...verdict(incoming.url ?? '', object) } }));
    });
  });
  webhook.listen(0, '127.0.0.1');
  await once(webhook, 'listening');
});
after(async () => {
  webhook.closeAllConnections();
  webhook.close();
  await live[Symbol.asyncDispose]();
});

const rules = [{ apiGroups: [''], apiVersions: ['v1'], resources: ['configmaps'], operations: ['CREATE', 'UPDATE', 'DELETE'] }];
const hook = (name: string, path: string, more: object = {}): never =>
  ({
    name: `${name}.example.com`,
    rules,
    clientConfig: {
      url: `https://127.0.0.1:${(webhook.address() as AddressInfo).port}${path}`,
      caBundle: Buffer.from(live.ca).toString('base64'),
    },
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
    objectSelector: { matchLabels: { test: 'hooks' } },
    ...more,
  }) as never;

const config = (name: string, data: object = {}, labels: object = { test: 'hooks' }): Promise<ConfigMap> =>
  live.api.client.create(configMaps, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { namespace: 'default', name, labels },
    data,
  } as ConfigMap);

test('mutating webhooks change what is written; one is asked again when another changed it after', async () => {
  const { client } = live.api;
  await client.create(mutatingWebhookConfigurations, {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name: 'm' },
    webhooks: [hook('first', '/add-a', { reinvocationPolicy: 'IfNeeded' }), hook('second', '/add-b')],
  });
  assert.deepEqual((await config('m1', { x: 'y' })).data, { x: 'y', a: '3', b: 'b' });
  assert.deepEqual(
    asked.map(({ path, operation, user }) => [path, operation, user]),
    [
      ['/add-a', 'CREATE', 'system:apiserver'],
      ['/add-b', 'CREATE', 'system:apiserver'],
      ['/add-a', 'CREATE', 'system:apiserver'],
    ],
  );
  assert.deepEqual((await config('m2', { x: 'y' }, {})).data, { x: 'y' }, 'not selected');
  await client.delete(mutatingWebhookConfigurations, { name: 'm' });
});

test('validating webhooks refuse; what fails is refused or let be, as the policy says; conditions leave out', async () => {
  const { client } = live.api;
  const use = async (name: string, ...webhooks: readonly never[]): Promise<void> => {
    await client.create(validatingWebhookConfigurations, {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingWebhookConfiguration',
      metadata: { name },
      webhooks,
    });
  };
  await use('v', hook('denier', '/deny', { matchConditions: [{ name: 'c', expression: "!object.metadata.name.startsWith('free')" }] }));
  await assert.rejects(config('v1', { bad: 'x' }), (error: unknown) => {
    assert(error instanceof KindError);
    assert.equal(error.message, 'admission webhook "denier.example.com" denied the request: no bad things');
    assert.equal((error.details as { code: number }).code, 422);
    return true;
  });
  await config('free', { bad: 'x' });
  await config('v2', { good: 'x' });
  await client.delete(validatingWebhookConfigurations, { name: 'v' });
  const closed = { clientConfig: { url: 'https://127.0.0.1:1/' } };
  await use('ignored', hook('ignored', '/', { ...closed, failurePolicy: 'Ignore' }));
  await config('v3');
  await use('fails', hook('fails', '/', closed));
  await assert.rejects(
    config('v4'),
    /Internal error occurred: failed calling webhook "fails\.example\.com": failed to call webhook: .*ECONNREFUSED/,
  );
  await client.delete(validatingWebhookConfigurations, { name: 'fails' });
  assert.equal((await config('v4')).metadata.name, 'v4', 'its own configuration could be deleted');
});

const deployment = (name: string, replicas: number, namespace = 'default'): Promise<Deployment> =>
  live.api.client.create(deployments, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { namespace, name },
    spec: {
      replicas,
      selector: { matchLabels: { a: 'b' } },
      template: { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i' }] } },
    },
  });

test('admission policies deny by expression, with parameters, variables and bindings by namespace', async () => {
  const { client } = live.api;
  const limited = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'limited', labels: { env: 'test' } } };
  await client.create(namespaces, limited);
  await client.create(configMaps, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { namespace: 'default', name: 'limits' },
    data: { most: '5' },
  });
  const policy = (name: string, expression: string): Promise<unknown> =>
    client.create(validatingAdmissionPolicies, {
      apiVersion: 'admissionregistration.k8s.io/v1',
      kind: 'ValidatingAdmissionPolicy',
      metadata: { name },
      spec: {
        paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
        matchConstraints: {
          resourceRules: [{ apiGroups: ['apps'], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['deployments'] }],
        },
        variables: [{ name: 'most', expression: 'int(params.data.most)' }],
        validations: [{ expression, messageExpression: '"at most " + string(variables.most) + " replicas"' }],
      },
    });
  await assert.rejects(
    policy('broken', 'object.spec.'),
    /spec\.validations\[0\]\.expression: Invalid value: "object\.spec\.": compilation failed/,
  );
  await policy('replicas', 'object.spec.replicas <= variables.most');
  await client.create(validatingAdmissionPolicyBindings, {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name: 'in-test' },
    spec: {
      policyName: 'replicas',
      validationActions: ['Deny'],
      paramRef: { name: 'limits', namespace: 'default', parameterNotFoundAction: 'Deny' },
      matchResources: { namespaceSelector: { matchLabels: { env: 'test' } } },
    },
  });
  await deployment('few', 5, 'limited');
  await deployment('free', 6);
  await assert.rejects(deployment('many', 6, 'limited'), (error: unknown) => {
    assert(error instanceof KindError);
    const text = `deployments.apps "many" is forbidden: ValidatingAdmissionPolicy 'replicas' with binding 'in-test' denied request: at most 5 replicas`;
    assert.equal(error.message, text);
    assert.equal((error.details as { code: number }).code, 422);
    return true;
  });
});

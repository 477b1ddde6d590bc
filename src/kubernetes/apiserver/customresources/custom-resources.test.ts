import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import { request } from 'node:https';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, test } from 'node:test';
import { customResourceDefinitions } from '../../../api/kubernetes/kinds.ts';
import type { CustomResourceDefinition } from '../../../api/kubernetes/types.generated.ts';
import { eventually } from '../../../../test/support/eventually.ts';
import { liveServer, type LiveServer } from '../live.fake.ts';

let live: LiveServer;
let webhook: Server;
before(async () => {
  live = await liveServer();
  webhook = await converter();
});
after(async () => {
  webhook.close();
  await live[Symbol.asyncDispose]();
});

/** A conversion webhook: v1 says `host:port` in one field, v2 in two. */
async function converter(): Promise<Server> {
  const server = createServer(await live.issue('webhook', undefined, ['127.0.0.1']), (incoming, outgoing) => {
    void incoming.toArray().then((chunks: Buffer[]) => {
      const { request: asked } = JSON.parse(Buffer.concat(chunks).toString()) as { request: Conversion };
      const convertedObjects = asked.objects.map((one) => toVersion(one, asked.desiredAPIVersion));
      outgoing.end(JSON.stringify({ response: { uid: asked.uid, result: { status: 'Success' }, convertedObjects } }));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

interface Address {
  readonly apiVersion: string;
  readonly spec: { readonly hostPort?: string; readonly host?: string; readonly port?: string };
}
interface Conversion {
  readonly uid: string;
  readonly desiredAPIVersion: string;
  readonly objects: readonly Address[];
}

function toVersion(object: Address, apiVersion: string): object {
  const { host = '', port = '', hostPort = '' } = object.spec;
  if (apiVersion.endsWith('v1')) return { ...object, apiVersion, spec: { hostPort: `${host}:${port}` } };
  const [name, number] = hostPort.split(':');
  return { ...object, apiVersion, spec: { host: name, port: number } };
}

interface Answer {
  readonly code: number;
  readonly warning?: string;
  readonly body: Readonly<Record<string, unknown>> & { readonly message?: string; readonly metadata?: { readonly generation?: number } };
}

async function send(method: string, path: string, body?: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const all = { 'content-type': 'application/json', ...headers };
  const outgoing = request(`${live.api.url}${path}`, { method, ca: live.ca, ...live.admin, headers: all, agent: false });
  outgoing.end(body === undefined ? undefined : JSON.stringify(body));
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  const text = Buffer.concat(await incoming.toArray()).toString('utf8');
  return { code: incoming.statusCode ?? 0, warning: incoming.headers['warning'] as string | undefined, body: JSON.parse(text) };
}

const group = 'stable.example.com';
const schema = {
  type: 'object',
  required: ['spec'],
  properties: {
    spec: {
      type: 'object',
      required: ['cronSpec'],
      'x-kubernetes-validations': [
        { rule: 'self.replicas <= self.maxReplicas', message: 'replicas must be at most maxReplicas' },
        { rule: '!has(oldSelf.image) || self.image == oldSelf.image', messageExpression: '"image was " + oldSelf.image' },
      ],
      properties: {
        cronSpec: { type: 'string', pattern: '^(\\d+|\\*)( (\\d+|\\*)){4}$' },
        image: { type: 'string', default: 'busybox' },
        replicas: { type: 'integer', minimum: 1, maximum: 10, default: 1 },
        maxReplicas: { type: 'integer', default: 5 },
        mode: { type: 'string', enum: ['Fast', 'Slow'] },
        port: { 'x-kubernetes-int-or-string': true },
        anything: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
        rules: {
          type: 'array',
          'x-kubernetes-list-type': 'map',
          'x-kubernetes-list-map-keys': ['name'],
          items: { type: 'object', required: ['name'], properties: { name: { type: 'string' }, weight: { type: 'integer' } } },
        },
      },
    },
    status: { type: 'object', properties: { replicas: { type: 'integer' }, selector: { type: 'string' }, ready: { type: 'boolean' } } },
  },
};

const definition = (kind: string, more: object = {}, openAPIV3Schema: object = schema): CustomResourceDefinition => {
  const plural = `${kind.toLowerCase()}s`;
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural, kind, shortNames: [kind.slice(0, 2).toLowerCase()], categories: ['all'] },
      versions: [
        {
          name: 'v1',
          served: true,
          storage: true,
          schema: { openAPIV3Schema },
          subresources: {
            status: {},
            scale: { specReplicasPath: '.spec.replicas', statusReplicasPath: '.status.replicas', labelSelectorPath: '.status.selector' },
          },
          additionalPrinterColumns: [
            { name: 'Spec', type: 'string', jsonPath: '.spec.cronSpec' },
            { name: 'Weight', type: 'integer', jsonPath: '.spec.rules[?(@.name=="a")].weight' },
            { name: 'Age', type: 'date', jsonPath: '.metadata.creationTimestamp' },
          ],
        },
      ],
      ...more,
    },
  } as unknown as CustomResourceDefinition;
};

async function define(object: CustomResourceDefinition): Promise<number> {
  const started = performance.now();
  await live.api.client.create(customResourceDefinitions, object);
  await eventually(
    async () => {
      const { status } = await live.api.client.get(customResourceDefinitions, { name: object.metadata.name ?? '' });
      assert.equal(status?.conditions?.find(({ type }) => type === 'Established')?.status, 'True');
    },
    { withinMs: 2000 },
  );
  return performance.now() - started;
}

const path = (plural: string, version = 'v1'): string => `/apis/${group}/${version}/namespaces/default/${plural}`;
const cron = (name: string, spec: object, kind = 'CronTab'): object => ({
  apiVersion: `${group}/v1`,
  kind,
  metadata: { name },
  spec: { cronSpec: '* * * * *', ...spec },
});

test('a definition is served in under 200 ms, with defaults, pruning and validation', async () => {
  const took = await define(definition('CronTab'));
  assert(took < 200, `established after ${took} ms`);
  const made = await send('POST', path('crontabs'), cron('a', { extra: 1, anything: { free: [1, { x: null }] }, port: 80 }));
  assert.equal(made.code, 201);
  assert.match(made.warning ?? '', /unknown field \\"spec\.extra\\"/);
  assert.deepEqual(made.body['spec'], {
    cronSpec: '* * * * *',
    anything: { free: [1, { x: null }] },
    port: 80,
    image: 'busybox',
    replicas: 1,
    maxReplicas: 5,
  });
  const strict = await send('POST', `${path('crontabs')}?fieldValidation=Strict`, cron('b', { extra: 1 }));
  assert.match(strict.body.message ?? '', /strict decoding error: unknown field "spec\.extra"/);
  const wrong: readonly (readonly [object, string])[] = [
    [{ replicas: 'two' }, 'spec.replicas: Invalid value: "string": spec.replicas in body must be of type integer: "string"'],
    [{ replicas: 11, maxReplicas: 20 }, 'spec.replicas: Invalid value: 11: spec.replicas in body should be less than or equal to 10'],
    [
      { cronSpec: 'never' },
      String.raw`spec.cronSpec: Invalid value: "never": spec.cronSpec in body should match '^(\d+|\*)( (\d+|\*)){4}$'`,
    ],
    [{ mode: 'Odd' }, 'spec.mode: Unsupported value: "Odd": supported values: "Fast", "Slow"'],
    [{ rules: [{ weight: 1 }] }, 'spec.rules[0].name: Required value'],
    [{ rules: [{ name: 'a' }, { name: 'a' }] }, 'spec.rules[1]: Duplicate value: {"name":"a"}'],
    [{ replicas: 6 }, 'spec: Invalid value: "object": replicas must be at most maxReplicas'],
  ];
  for (const [spec, text] of wrong) {
    const { code, body } = await send('POST', path('crontabs'), cron('x', spec));
    assert.deepEqual([code, body.message], [422, `CronTab.${group} "x" is invalid: ${text}`]);
  }
});

test('rules about change, ratcheting, status, scale and generation', async () => {
  const merge = (body: object, sub = ''): Promise<Answer> =>
    send('PATCH', `${path('crontabs')}/a${sub}`, body, { 'content-type': 'application/merge-patch+json' });
  const changed = await merge({ spec: { image: 'nginx' } });
  assert.equal(changed.body.message, `CronTab.${group} "a" is invalid: spec: Invalid value: "object": image was busybox`);
  const again = await merge({ spec: { replicas: 3 }, status: { ready: true } });
  assert.deepEqual([again.body.metadata?.generation, again.body['status']], [2, undefined], 'the status is apart');
  const status = await merge({ status: { ready: true, replicas: 3, selector: 'a=b' }, spec: { replicas: 1 } }, '/status');
  assert.deepEqual([status.body.metadata?.generation, status.body['status']], [2, { ready: true, replicas: 3, selector: 'a=b' }]);
  assert.equal((await merge({ status: { ready: 'yes' } }, '/status')).code, 422);
  const scale = await send('GET', `${path('crontabs')}/a/scale`);
  assert.deepEqual([scale.body['spec'], scale.body['status']], [{ replicas: 3 }, { replicas: 3, selector: 'a=b' }]);
  assert.deepEqual((await merge({ spec: { replicas: 4 } }, '/scale')).body['spec'], { replicas: 4 });
  const strategic = await send('PATCH', `${path('crontabs')}/a`, {}, { 'content-type': 'application/strategic-merge-patch+json' });
  assert.equal(strategic.code, 415);
  // A stricter schema lets be what was there, as long as it does not change.
  const name = { name: `crontabs.${group}` };
  const properties = { spec: { properties: { cronSpec: { maxLength: 3 } } } };
  const [version] = definition('CronTab').spec.versions;
  const stricter = structuredClone({ ...version, schema: { openAPIV3Schema: schema } }) as unknown as {
    schema: { openAPIV3Schema: typeof schema };
  };
  Object.assign(stricter.schema.openAPIV3Schema.properties.spec.properties.cronSpec, properties.spec.properties.cronSpec);
  await live.api.client.patch(customResourceDefinitions, name, { type: 'merge', body: { spec: { versions: [stricter] } } });
  await eventually(async () => assert.equal((await send('POST', path('crontabs'), cron('late', {}))).code, 422), { withinMs: 2000 });
  assert.equal((await merge({ metadata: { labels: { x: 'y' } } })).code, 200);
});

test('server-side apply knows the keys of lists', async () => {
  const apply = (manager: string, rules: readonly object[]): Promise<Answer> =>
    send('PATCH', `${path('crontabs')}/a?fieldManager=${manager}`, cron('a', { cronSpec: undefined, rules }), {
      'content-type': 'application/apply-patch+yaml',
    });
  await apply('one', [{ name: 'a', weight: 1 }]);
  const both = await apply('two', [{ name: 'b', weight: 2 }]);
  assert.deepEqual((both.body['spec'] as { rules: unknown }).rules, [
    { name: 'a', weight: 1 },
    { name: 'b', weight: 2 },
  ]);
  assert.match(
    (await apply('two', [{ name: 'a', weight: 9 }])).body.message ?? '',
    /conflict with "one": \.spec\.rules\[name="a"\]\.weight/,
  );
});

test('discovery, OpenAPI and tables show it', async () => {
  const list = (await send('GET', `/apis/${group}/v1`)).body['resources'] as readonly {
    readonly name: string;
    readonly shortNames?: unknown;
  }[];
  assert.deepEqual(
    list.map(({ name }) => name),
    ['crontabs', 'crontabs/status', 'crontabs/scale'],
  );
  const table = await send('GET', path('crontabs'), undefined, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' });
  const columns = table.body['columnDefinitions'] as readonly { readonly name: string }[];
  assert.deepEqual(
    columns.map(({ name }) => name),
    ['Name', 'Spec', 'Weight', 'Age'],
  );
  const rows = table.body['rows'] as readonly { readonly cells: readonly unknown[] }[];
  assert.deepEqual(rows[0]?.cells.slice(0, 3), ['a', '* * * * *', 1]);
  const document = await send('GET', `/openapi/v3/apis/${group}/v1`);
  assert.match(JSON.stringify(document.body['components']), /com\.example\.stable\.v1\.CronTab/);
});

test('what is wrong with a definition is said', async () => {
  const rows: readonly (readonly [CustomResourceDefinition, RegExp])[] = [
    [
      { ...definition('Bad'), metadata: { name: 'other' } },
      /metadata\.name: Invalid value: "other": must be spec\.names\.plural\+"\."\+spec\.group/,
    ],
    [
      definition('Bad', {}, { type: 'object', properties: { a: {} } }),
      /spec\.versions\[0\]\.schema\.openAPIV3Schema\.properties\[a\]\.type: Required value: must not be empty for specified object fields/,
    ],
    [
      definition('Bad', {}, { type: 'object', 'x-kubernetes-validations': [{ rule: 'self.' }] }),
      /x-kubernetes-validations\[0\]\.rule: Invalid value: "self\.": compilation failed/,
    ],
    [
      definition('Bad', {}, { type: 'object', properties: { a: { type: 'integer', default: 'x' } } }),
      /properties\[a\]\.default: Invalid value: "string"/,
    ],
  ];
  for (const [object, text] of rows) await assert.rejects(live.api.client.create(customResourceDefinitions, object), text);
});

test('several versions, converted by a webhook', async () => {
  const { port } = webhook.address() as AddressInfo;
  const version = (name: string, storage: boolean, fields: readonly string[]): object => ({
    name,
    storage,
    served: true,
    schema: {
      openAPIV3Schema: {
        type: 'object',
        properties: { spec: { type: 'object', properties: Object.fromEntries(fields.map((one) => [one, { type: 'string' }])) } },
      },
    },
  });
  await define(
    definition('Place', {
      versions: [version('v1', true, ['hostPort']), version('v2', false, ['host', 'port'])],
      conversion: {
        strategy: 'Webhook',
        webhook: {
          conversionReviewVersions: ['v1'],
          clientConfig: { url: `https://127.0.0.1:${port}/convert`, caBundle: Buffer.from(live.ca).toString('base64') },
        },
      },
    }),
  );
  const made = await send('POST', path('places', 'v2'), {
    apiVersion: `${group}/v2`,
    kind: 'Place',
    metadata: { name: 'p' },
    spec: { host: 'h', port: '80' },
  });
  assert.deepEqual([made.code, made.body['apiVersion'], made.body['spec']], [201, `${group}/v2`, { host: 'h', port: '80' }]);
  assert.deepEqual((await send('GET', `${path('places')}/p`)).body['spec'], { hostPort: 'h:80' });
  const { items } = (await send('GET', path('places', 'v2'))).body as unknown as { items: readonly Address[] };
  assert.deepEqual(items[0]?.spec, { host: 'h', port: '80' });
  webhook.closeAllConnections();
});

test('a definition takes its objects with it', async () => {
  await live.api.client.delete(customResourceDefinitions, { name: `crontabs.${group}` });
  await eventually(async () => assert.equal((await send('GET', path('crontabs'))).code, 404), { withinMs: 2000 });
  await define(definition('CronTab'));
  assert.deepEqual((await send('GET', path('crontabs'))).body['items'], []);
});

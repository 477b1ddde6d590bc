import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { liveServer, type LiveServer } from '../live.fake.ts';

let live: LiveServer;
let agent: Agent;
before(async () => {
  live = await liveServer();
  agent = new Agent({ keepAlive: true, maxSockets: 8, ca: live.ca, ...live.admin });
});
after(async () => {
  agent.destroy();
  await live[Symbol.asyncDispose]();
});

interface Answer {
  readonly code: number;
  readonly text: string;
}

async function send(method: string, path: string, body?: string | Buffer, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const outgoing = request(`${live.api.url}${path}`, { method, agent, headers: { 'content-type': 'application/json', ...headers } });
  outgoing.end(body);
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  return { code: incoming.statusCode ?? 0, text: Buffer.concat(await incoming.toArray()).toString('utf8') };
}

const root = '/api/v1/namespaces/default';
const config = (rest: object): string => JSON.stringify({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' }, ...rest });

test('what cannot be read is refused with the reason of kube-apiserver, and the server goes on', async () => {
  const maps = `${root}/configmaps`;
  const rows: readonly (readonly [string, Promise<Answer>, number, RegExp])[] = [
    ['malformed JSON', send('POST', maps, '{"a":'), 400, /json parse error/],
    ['malformed YAML', send('POST', maps, 'a: [', { 'content-type': 'application/yaml' }), 400, /error decoding YAML/],
    ['no object', send('POST', maps, '[]'), 400, /unrecognized/],
    ['nothing', send('POST', maps), 400, /unrecognized/],
    ['content type', send('POST', maps, 'x', { 'content-type': 'text/plain' }), 415, /unknown format/],
    ['too large', send('POST', maps, config({ data: { a: 'x'.repeat(4 << 20) } })), 413, /too large/],
    ['annotations', send('POST', maps, config({ metadata: { name: 'x', annotations: { a: 'x'.repeat(300_000) } } })), 422, /Too long/],
    [
      'depth',
      send('POST', maps, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x"},"data":${'['.repeat(200_000)}`),
      400,
      /max depth/,
    ],
    ['compressed', send('POST', maps, gzipSync(Buffer.alloc(1 << 20)), { 'content-encoding': 'gzip' }), 415, /content encoding/],
    ['wrong kind', send('POST', maps, config({ kind: 'Pod' })), 400, /does not match/],
    ['wrong type', send('POST', maps, config({ data: { a: 1 } })), 400, /cannot unmarshal number/],
    ['label selector', send('GET', `${maps}?labelSelector=a%3D%3D%3Db`), 400, /unable to parse requirement/],
    ['field selector', send('GET', `${maps}?fieldSelector=x`), 400, /invalid selector/],
    ['continue', send('GET', `${maps}?continue=zzz`), 400, /continue key is not valid/],
    ['revision', send('GET', `${maps}?watch=true&resourceVersion=abc`), 422, /parsing \\"abc\\": invalid syntax/],
    ['escape', send('GET', `${root}/pods/%ZZ`), 400, /invalid URL escape/],
    ['method', send('OPTIONS', maps), 405, /does not allow this method/],
    ['patch', send('PATCH', `${maps}/kube-root-ca.crt`, '1', { 'content-type': 'application/merge-patch+json' }), 404, /not found/],
    ['dry run', send('POST', `${maps}?dryRun=Some`, config({})), 422, /dryRun: Unsupported value/],
    ['validation', send('POST', `${maps}?fieldValidation=Some`, config({})), 422, /fieldValidation: Unsupported value/],
  ];
  for (const [what, answered, code, text] of rows) {
    const answer = await answered;
    assert.deepEqual([what, answer.code], [what, code], answer.text.slice(0, 300));
    assert.match(answer.text, text, what);
  }
  assert.equal((await send('GET', '/readyz')).text, 'ok');
});

test('a body far too large is refused in words that its client gets, however much it still has to send', async () => {
  for (const megabytes of [4, 10, 40]) {
    const answer = await send('POST', `${root}/configmaps`, config({ data: { a: 'x'.repeat(megabytes << 20) } }));
    assert.deepEqual([answer.code, /too large/.test(answer.text)], [413, true], `${megabytes} MB`);
  }
});

/** mulberry32: the same numbers for the same seed. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const podSpec = {
  containers: [
    {
      name: 'c',
      image: 'i:1',
      ports: [{ containerPort: 80, name: 'http' }],
      env: [{ name: 'A', value: 'B' }],
      resources: { limits: { cpu: '1', memory: '1Gi' } },
      readinessProbe: { httpGet: { path: '/', port: 80 } },
      volumeMounts: [{ name: 'v', mountPath: '/v' }],
    },
  ],
  volumes: [{ name: 'v', emptyDir: {} }],
  tolerations: [{ key: 'a', operator: 'Exists' }],
};
const template = { metadata: { labels: { a: 'b' } }, spec: podSpec };
const rules = [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }];
const schema = {
  openAPIV3Schema: { type: 'object', properties: { spec: { type: 'object', properties: { a: { type: 'integer', minimum: 1 } } } } },
};
const manifests: readonly (readonly [string, object])[] = [
  [`${root}/pods`, { metadata: { name: 'x', labels: { a: 'b' }, finalizers: ['a/b'] }, spec: podSpec }],
  ['/apis/apps/v1/namespaces/default/deployments', { metadata: { name: 'x' }, spec: { selector: { matchLabels: { a: 'b' } }, template } }],
  [
    '/apis/apps/v1/namespaces/default/statefulsets',
    { metadata: { name: 'x' }, spec: { serviceName: 's', selector: { matchLabels: { a: 'b' } }, template } },
  ],
  [
    '/apis/batch/v1/namespaces/default/jobs',
    { metadata: { name: 'x' }, spec: { template: { spec: { ...podSpec, restartPolicy: 'Never' } } } },
  ],
  [
    `${root}/services`,
    { metadata: { name: 'x' }, spec: { type: 'NodePort', selector: { a: 'b' }, ports: [{ port: 80, targetPort: 'http' }] } },
  ],
  [`${root}/limitranges`, { metadata: { name: 'x' }, spec: { limits: [{ type: 'Container', max: { cpu: '1' }, default: { cpu: '1' } }] } }],
  [`${root}/resourcequotas`, { metadata: { name: 'x' }, spec: { hard: { pods: '1' }, scopes: ['BestEffort'] } }],
  ['/apis/rbac.authorization.k8s.io/v1/clusterroles', { metadata: { name: 'x' }, rules, aggregationRule: { clusterRoleSelectors: [] } }],
  [
    '/apis/networking.k8s.io/v1/namespaces/default/ingresses',
    {
      metadata: { name: 'x' },
      spec: {
        rules: [
          { host: 'a.b', http: { paths: [{ path: '/', pathType: 'Prefix', backend: { service: { name: 's', port: { number: 1 } } } }] } },
        ],
      },
    },
  ],
  [
    '/apis/networking.k8s.io/v1/namespaces/default/networkpolicies',
    { metadata: { name: 'x' }, spec: { podSelector: {}, ingress: [{ from: [{ podSelector: {} }], ports: [{ port: 1 }] }] } },
  ],
  [
    '/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers',
    { metadata: { name: 'x' }, spec: { maxReplicas: 2, scaleTargetRef: { kind: 'D', name: 'd' }, targetCPUUtilizationPercentage: 5 } },
  ],
  [
    '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
    {
      metadata: { name: 'xs.a.b' },
      spec: {
        group: 'a.b',
        scope: 'Namespaced',
        names: { plural: 'xs', kind: 'X' },
        versions: [{ name: 'v1', served: true, storage: true, schema }],
      },
    },
  ],
  [
    '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies',
    {
      metadata: { name: 'x' },
      spec: { matchConstraints: { resourceRules: [{ apiGroups: ['*'] }] }, validations: [{ expression: 'true' }] },
    },
  ],
];

const junk: readonly unknown[] = [
  null,
  0,
  -1,
  1e308,
  2 ** 53,
  1.5,
  '',
  ' ',
  'x'.repeat(300),
  'é\u0000\u{1F600}',
  '../..',
  '{{',
  true,
  [],
  [null],
  [[]],
  {},
  { a: null },
  { __proto__: 1 },
  { constructor: {} },
];

/** The value with one random place of it replaced, removed, or given a field that is not known. */
function broken(value: unknown, next: () => number): unknown {
  const pick = <T>(all: readonly T[]): T => all[Math.floor(next() * all.length)] as T;
  const isLeaf = typeof value !== 'object' || value === null || Object.keys(value).length === 0;
  if (isLeaf || next() < 0.12) return pick(junk);
  const key = pick(Object.keys(value));
  const child = broken((value as Record<string, unknown>)[key], next);
  if (Array.isArray(value)) return value.map((item, index) => (String(index) === key ? child : (item as unknown)));
  if (next() < 0.05) return Object.fromEntries(Object.entries(value).filter(([name]) => name !== key));
  return { ...value, [next() < 0.05 ? 'surprise' : key]: child };
}

test('whatever a manifest has in place of what belongs there, the answer is no server error', async () => {
  // Connections on which the first test broke off are not used again.
  agent.destroy();
  agent = new Agent({ keepAlive: true, maxSockets: 8, ca: live.ca, ...live.admin });
  const seed = Number(process.env['DAVIT_FUZZ_SEED'] ?? 488_837_186);
  const next = random(seed);
  const deadline = performance.now() + Number(process.env['DAVIT_FUZZ_MS'] ?? 3000);
  let count = 0;
  while (performance.now() < deadline) {
    const batch = manifests.map(async ([path, object]) => {
      const body = JSON.stringify(broken(next() < 0.3 ? broken(object, next) : object, next));
      const { code, text } = await send('POST', `${path}?dryRun=All`, body);
      assert(code < 500, `seed ${seed}: ${code} to ${path}: ${body.slice(0, 1500)}\n${text.slice(0, 500)}`);
    });
    await Promise.all(batch);
    count += batch.length;
  }
  assert(count > 100, `${count} manifests`);
  assert.equal((await send('GET', '/readyz')).text, 'ok');
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { eventually } from '../../../../test/support/eventually.ts';
import { liveServer, type LiveServer } from '../live.fake.ts';
import { parsePolicy } from './policy.ts';

const policy = parsePolicy(
  `
apiVersion: audit.k8s.io/v1
kind: Policy
rules:
- {level: None, nonResourceURLs: [/readyz]}
- {level: Metadata, resources: [{group: "", resources: [secrets]}]}
- {level: Request, verbs: [list, watch]}
- {level: RequestResponse, omitManagedFields: true, omitStages: [RequestReceived]}
`,
  'p.yaml',
);
let live: LiveServer;
const lines: string[] = [];
before(async () => {
  live = await liveServer({ audit: { policy, write: (line) => void lines.push(line) } });
});
after(() => live[Symbol.asyncDispose]());

interface Event {
  readonly auditID: string;
  readonly stage: string;
  readonly level: string;
  readonly verb: string;
  readonly requestURI: string;
  readonly user: { readonly username?: string };
  readonly impersonatedUser?: { readonly username: string };
  readonly sourceIPs: readonly string[];
  readonly objectRef?: object;
  readonly responseStatus?: { readonly code: number; readonly reason?: string };
  readonly requestObject?: { readonly metadata: { readonly name: string } };
  readonly responseObject?: { readonly metadata: { readonly uid: string; readonly managedFields?: unknown } };
  readonly annotations?: Readonly<Record<string, string>>;
}

const root = '/api/v1/namespaces/default';
async function send(method: string, path: string, body?: object, headers: Readonly<Record<string, string>> = {}): Promise<Event[]> {
  const identity = headers['authorization'] === undefined ? live.admin : {};
  const outgoing = request(`${live.api.url}${path}`, {
    method,
    ca: live.ca,
    ...identity,
    agent: false,
    headers: { 'content-type': 'application/json', 'user-agent': 'test/1', ...headers },
  });
  outgoing.end(body && JSON.stringify(body));
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  await text(incoming);
  const id = incoming.headers['audit-id'];
  return eventually(
    async () => {
      const own = lines.map((line) => JSON.parse(line) as Event).filter((one) => one.auditID === id);
      assert.equal(own.at(-1)?.stage, 'ResponseComplete');
      return own;
    },
    { withinMs: 20_000 },
  );
}
const object = (kind: string, more: object): object => ({ apiVersion: 'v1', kind, metadata: { name: 'a' }, ...more });

test('who did what to what, with what was sent and answered where the policy wants it', async () => {
  const [only, ...more] = await send('POST', `${root}/configmaps?fieldManager=me`, object('ConfigMap', { data: { a: 'b' } }));
  assert.deepEqual(more, []);
  const { level, verb, requestURI, user, sourceIPs, objectRef, responseStatus, annotations } = only ?? assert.fail();
  assert.deepEqual(
    { level, verb, requestURI, name: user.username, sourceIPs, objectRef, responseStatus },
    {
      level: 'RequestResponse',
      verb: 'create',
      requestURI: `${root}/configmaps?fieldManager=me`,
      name: 'kubernetes-admin',
      sourceIPs: ['127.0.0.1'],
      objectRef: { resource: 'configmaps', namespace: 'default', apiVersion: 'v1' },
      responseStatus: { metadata: {}, code: 201 },
    },
  );
  assert.equal(annotations?.['authorization.k8s.io/decision'], 'allow');
  assert.equal(only?.requestObject?.metadata.name, 'a');
  assert.match(only?.responseObject?.metadata.uid ?? '', /-/);
  assert.equal(only?.responseObject?.metadata.managedFields, undefined);
});

test('a secret is not written where the policy says metadata', async () => {
  const events = await send('POST', `${root}/secrets`, object('Secret', { stringData: { password: 'hunter2' } }));
  assert.deepEqual(
    events.map((one) => [one.stage, one.level]),
    [
      ['RequestReceived', 'Metadata'],
      ['ResponseComplete', 'Metadata'],
    ],
  );
  await send('GET', `${root}/secrets/a`);
  const all = lines.join('\n');
  assert.ok(!all.includes('hunter2') && !all.includes(Buffer.from('hunter2').toString('base64')));
});

test('refusals: of whoever is not known, of whom may not, and of what is wrong', async () => {
  const unknown = (await send('GET', `${root}/pods/x`, undefined, { authorization: 'Bearer nobody' })).at(-1);
  assert.deepEqual([unknown?.user, unknown?.responseStatus?.code, unknown?.responseStatus?.reason], [{}, 401, 'Unauthorized']);
  const jane = (await send('DELETE', `${root}/pods/x`, undefined, { 'impersonate-user': 'jane' })).at(-1);
  assert.deepEqual(
    [
      jane?.user.username,
      jane?.impersonatedUser?.username,
      jane?.responseStatus?.code,
      jane?.annotations?.['authorization.k8s.io/decision'],
    ],
    ['kubernetes-admin', 'jane', 403, 'forbid'],
  );
  const wrong = (await send('POST', `${root}/configmaps`, object('ConfigMap', { data: { a: 1 } }))).at(-1);
  assert.deepEqual([wrong?.responseStatus?.code, wrong?.responseStatus?.reason], [400, 'BadRequest']);
});

test('a watch is noted when it begins and when it ends', async () => {
  const events = await send('GET', `${root}/pods?watch=true&timeoutSeconds=1`);
  assert.deepEqual(
    events.map((one) => [one.stage, one.verb, one.responseStatus?.code]),
    [
      ['RequestReceived', 'watch', undefined],
      ['ResponseStarted', 'watch', 200],
      ['ResponseComplete', 'watch', 200],
    ],
  );
});

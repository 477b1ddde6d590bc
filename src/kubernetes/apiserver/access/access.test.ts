import assert from 'node:assert/strict';
import { createServer } from 'node:https';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { request } from 'node:https';
import { after, before, test } from 'node:test';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import {
  clusterRoleBindings,
  clusterRoles,
  configMaps,
  pods,
  roleBindings,
  secrets,
  serviceAccounts,
  ingresses,
} from '../../../api/kubernetes/kinds.ts';
import { liveServer, type LiveServer } from '../live.fake.ts';
import { eventually } from '../../../../test/support/eventually.ts';

let live: LiveServer;
let provider: ReturnType<typeof createServer>;
const keys = await generateKeyPair('ES256', { extractable: true });

/** An identity provider with one key. */
async function startProvider(): Promise<string> {
  const authority = await liveServer();
  await authority[Symbol.asyncDispose]();
  const identity = await authority.issue('idp', undefined, ['127.0.0.1']);
  provider = createServer(identity, (incoming, outgoing) => {
    const { port } = provider.address() as AddressInfo;
    const issuer = `https://127.0.0.1:${port}`;
    const isKeys = incoming.url === '/keys';
    void exportJWK(keys.publicKey).then((jwk) =>
      outgoing.end(JSON.stringify(isKeys ? { keys: [{ ...jwk, kid: 'k1', alg: 'ES256' }] } : { issuer, jwks_uri: `${issuer}/keys` })),
    );
  });
  provider.listen(0, '127.0.0.1');
  await once(provider, 'listening');
  const { port } = provider.address() as AddressInfo;
  live = await liveServer({
    oidc: { issuerUrl: `https://127.0.0.1:${port}`, clientId: 'davit', ca: authority.ca, usernameClaim: 'email', groupsClaim: 'groups' },
  });
  return `https://127.0.0.1:${port}`;
}
let issuerUrl = '';
before(async () => {
  issuerUrl = await startProvider();
});
after(async () => {
  provider.close();
  await live[Symbol.asyncDispose]();
});

/** The fields of any answer that the tests look at. */
interface AnswerBody {
  readonly message: string;
  readonly reason: string;
  readonly code: number;
  readonly jwks_uri: string;
  readonly keys: readonly { readonly kid: string }[];
  readonly status: {
    readonly token: string;
    readonly allowed: boolean;
    readonly authenticated: boolean;
    readonly audiences: readonly string[];
    readonly userInfo: {
      readonly username: string;
      readonly groups: readonly string[];
      readonly extra: Readonly<Record<string, readonly string[]>>;
    };
  };
}

interface Answer {
  readonly code: number;
  readonly body: AnswerBody;
}

/** A request as the administrator, as the bearer of a token, or as nobody. */
async function send(
  method: string,
  path: string,
  body?: object,
  as: { readonly token?: string; readonly headers?: Record<string, string>; readonly cert?: { cert: string; key: string } } = {},
): Promise<Answer> {
  const identity = as.token !== undefined ? {} : (as.cert ?? live.admin);
  const headers = { 'content-type': 'application/json', ...as.headers, ...(as.token && { authorization: `Bearer ${as.token}` }) };
  const outgoing = request(`${live.api.url}${path}`, { method, ca: live.ca, ...identity, headers, agent: false });
  outgoing.end(body && JSON.stringify(body));
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  const text = Buffer.concat(await incoming.toArray()).toString('utf8');
  return { code: incoming.statusCode ?? 0, body: text.startsWith('{') ? JSON.parse(text) : ({} as AnswerBody) };
}

const asJoe = { 'Impersonate-User': 'joe' };
const role = (name: string, rules: readonly object[], labels = {}): object => ({
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRole',
  metadata: { name, labels },
  rules,
});
const grant = (name: string, user: string, namespace = 'default'): Promise<unknown> =>
  live.api.client.create(roleBindings, {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: `${user}-${name}`, namespace },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
    subjects: [{ kind: 'User', name: user, apiGroup: 'rbac.authorization.k8s.io' }],
  });

test('nobody may ask for health and version, and is told to log in for the rest', async () => {
  const nobody = { token: '' };
  for (const path of ['/readyz', '/healthz', '/livez', '/version']) assert.equal((await send('GET', path, undefined, nobody)).code, 200);
  for (const path of ['/api', '/metrics', '/api/v1/pods', '/healthzX']) {
    const { code, body } = await send('GET', path, undefined, nobody);
    assert.deepEqual([path, code, body.reason], [path, 401, 'Unauthorized']);
  }
});

test('a user may what roles give, in the namespace where they are bound', async () => {
  const list = (namespace: string): Promise<Answer> => send('GET', `/api/v1/namespaces/${namespace}/pods`, undefined, { headers: asJoe });
  const refused = await list('default');
  const text = 'pods is forbidden: User "joe" cannot list resource "pods" in API group "" in the namespace "default"';
  assert.deepEqual([refused.code, refused.body.message], [403, text]);
  await grant('view', 'joe');
  assert.deepEqual([(await list('default')).code, (await list('kube-system')).code], [200, 403]);
  assert.equal((await send('GET', '/api/v1/namespaces/default/secrets', undefined, { headers: asJoe })).code, 403);
  assert.equal((await send('GET', '/apis', undefined, { headers: asJoe })).code, 200, 'discovery is for all who are known');
  const review = { spec: { user: 'joe', resourceAttributes: { verb: 'list', resource: 'pods', namespace: 'default' } } };
  const { status } = (await send('POST', '/apis/authorization.k8s.io/v1/subjectaccessreviews', review)).body;
  const reason = 'RBAC: allowed by RoleBinding "joe-view/default" of ClusterRole "view" to User "joe"';
  assert.deepEqual(status, { allowed: true, reason });
});

test('aggregating roles are the sum of what is labelled for them', async () => {
  const labels = { 'rbac.authorization.k8s.io/aggregate-to-view': 'true' };
  await live.api.client.create(
    clusterRoles,
    role('crontab-viewer', [{ apiGroups: ['stable.example.com'], resources: ['crontabs'], verbs: ['list'] }], labels) as never,
  );
  await eventually(
    async () => {
      const admin = await live.api.client.get(clusterRoles, { name: 'admin' });
      assert(admin.rules?.some((one) => one.resources?.includes('crontabs')));
    },
    { withinMs: 2000 },
  );
});

test('nobody gives more than they have', async () => {
  await live.api.client.create(
    clusterRoles,
    role('role-maker', [{ apiGroups: ['rbac.authorization.k8s.io'], resources: ['*'], verbs: ['create', 'update', 'get'] }]) as never,
  );
  await grant('role-maker', 'ann');
  await grant('view', 'ann');
  const headers = { 'Impersonate-User': 'ann' };
  const make = (name: string, verbs: readonly string[]): Promise<Answer> =>
    send(
      'POST',
      '/apis/rbac.authorization.k8s.io/v1/namespaces/default/roles',
      { metadata: { name }, rules: [{ apiGroups: [''], resources: ['pods'], verbs }] },
      { headers },
    );
  assert.equal((await make('ok', ['get'])).code, 201);
  const { code, body } = await make('more', ['get', 'delete']);
  assert.equal(code, 403);
  assert.equal(
    body.message,
    'roles.rbac.authorization.k8s.io "more" is forbidden: user "ann" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}',
  );
  const bind = (name: string): Promise<Answer> =>
    send(
      'POST',
      '/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings',
      { metadata: { name: `x-${name}` }, roleRef: { kind: 'ClusterRole', name }, subjects: [{ kind: 'User', name: 'ann' }] },
      { headers },
    );
  assert.deepEqual([(await bind('view')).code, (await bind('cluster-admin')).code], [201, 403]);
});

test('impersonation needs the right to it', async () => {
  const cert = await live.issue('eve');
  const { code, body } = await send('GET', '/api/v1/pods', undefined, { cert, headers: { 'Impersonate-User': 'root' } });
  assert.equal(code, 403);
  assert.match(
    body.message,
    /users "root" is forbidden: User "eve" cannot impersonate resource "users" in API group "" at the cluster scope/,
  );
  const headers = { 'Impersonate-User': 'joe', 'Impersonate-Group': 'dev', 'Impersonate-Extra-Scopes': 'a' };
  const who = await send('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {}, { headers });
  assert.deepEqual(who.body.status.userInfo, { username: 'joe', groups: ['dev', 'system:authenticated'], extra: { scopes: ['a'] } });
  assert.equal((await send('GET', '/api', undefined, { headers: { 'Impersonate-Group': 'dev' } })).code, 400);
});

test('a service account has tokens for an audience and a time, that end with their pod', async () => {
  const { client } = live.api;
  const key = { namespace: 'default', name: 'app' };
  await client.create(serviceAccounts, { apiVersion: 'v1', kind: 'ServiceAccount', metadata: key });
  const pod = await client.create(pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: 'default', name: 'bound' },
    spec: { serviceAccountName: 'app', containers: [{ name: 'c', image: 'i' }] },
  });
  const ask = (spec: object): Promise<Answer> => send('POST', '/api/v1/namespaces/default/serviceaccounts/app/token', { spec });
  const short = await ask({ expirationSeconds: 10 });
  assert.match(short.body.message, /spec\.expirationSeconds: Invalid value: 10: may not specify a duration less than 10 minutes/);
  const boundObjectRef = { kind: 'Pod', apiVersion: 'v1', name: 'bound', uid: pod.metadata.uid };
  const made = await ask({ expirationSeconds: 600, boundObjectRef });
  assert.equal(made.code, 201);
  const token = made.body.status.token;
  const whoami = (bearer: string): Promise<Answer> =>
    send('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {}, { token: bearer });
  const { userInfo } = (await whoami(token)).body.status;
  assert.equal(userInfo.username, 'system:serviceaccount:default:app');
  assert.deepEqual(userInfo.extra['authentication.kubernetes.io/pod-name'], ['bound']);
  assert.equal((await send('GET', '/api/v1/namespaces/default/pods', undefined, { token })).code, 403);
  const vault = (await ask({ audiences: ['vault'] })).body.status.token;
  assert.equal((await whoami(vault)).code, 401, 'meant for somebody else');
  const review = async (spec: object): Promise<AnswerBody['status']> =>
    (await send('POST', '/apis/authentication.k8s.io/v1/tokenreviews', { spec })).body.status;
  assert.deepEqual((await review({ token: vault, audiences: ['vault', 'x'] })).audiences, ['vault']);
  assert.equal((await review({ token: vault })).authenticated, undefined);
  assert.equal((await whoami(`${token}x`)).code, 401);
  await client.delete(pods, { namespace: 'default', name: 'bound' });
  assert.equal((await whoami(token)).code, 401, 'ended with its pod');
});

test('whoever trusts the tokens finds the keys', async () => {
  const { token } = (await send('POST', '/api/v1/namespaces/default/serviceaccounts/app/token', { spec: {} })).body.status;
  const document = (await send('GET', '/.well-known/openid-configuration', undefined, { token })).body;
  assert.equal(document.jwks_uri, 'https://kubernetes.default.svc.cluster.local/openid/v1/jwks');
  const { keys: published } = (await send('GET', '/openid/v1/jwks', undefined, { token })).body;
  const header = JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()) as { kid: string };
  assert.equal(published[0]?.kid, header.kid);
});

test('bootstrap tokens and tokens of an identity provider', async () => {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const data = { 'token-id': 'abcdef', 'token-secret': '0123456789abcdef', 'usage-bootstrap-authentication': 'true' };
  await live.api.client.create(secrets, {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'bootstrap.kubernetes.io/token',
    metadata: { namespace: 'kube-system', name: 'bootstrap-token-abcdef' },
    data: Object.fromEntries(Object.entries(data).map(([name, value]) => [name, base64(value)])),
  });
  const whoami = async (token: string): Promise<AnswerBody> =>
    (await send('POST', '/apis/authentication.k8s.io/v1/selfsubjectreviews', {}, { token })).body;
  assert.deepEqual((await whoami('abcdef.0123456789abcdef')).status.userInfo.groups, ['system:bootstrappers', 'system:authenticated']);
  assert.equal((await whoami('abcdef.0123456789abcdeX')).code, 401);
  const sign = (audience: string): Promise<string> =>
    new SignJWT({ email: 'ann@example.com', groups: ['dev'] })
      .setProtectedHeader({ alg: 'ES256', kid: 'k1' })
      .setIssuer(issuerUrl)
      .setAudience(audience)
      .setExpirationTime('5m')
      .sign(keys.privateKey);
  const { userInfo } = (await whoami(await sign('davit'))).status;
  assert.deepEqual(userInfo, { username: 'ann@example.com', groups: ['dev', 'system:authenticated'] });
  assert.equal((await whoami(await sign('other'))).code, 401);
});

test('a node reads what its pods refer to, writes statuses, and its own Node alone', async () => {
  const { client } = live.api;
  const cert = await live.issue('system:node:n1', 'system:nodes');
  const config = (name: string): Promise<unknown> =>
    client.create(configMaps, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: 'default', name } });
  await Promise.all([config('mine'), config('other')]);
  await client.create(pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { namespace: 'default', name: 'on-n1' },
    spec: { nodeName: 'n1', containers: [{ name: 'c', image: 'i', envFrom: [{ configMapRef: { name: 'mine' } }] }] },
  });
  await client.create(ingresses, {
    apiVersion: 'networking.k8s.io/v1',
    kind: 'Ingress',
    metadata: { namespace: 'default', name: 'shop' },
    spec: { tls: [{ secretName: 'shop-tls' }], defaultBackend: { service: { name: 'web', port: { number: 80 } } } },
  });
  const code = async (method: string, path: string, body?: object): Promise<number> => (await send(method, path, body, { cert })).code;
  const base = '/api/v1/namespaces/default';
  assert.deepEqual(
    await Promise.all([
      code('GET', `${base}/configmaps/mine`),
      code('GET', `${base}/configmaps/other`),
      code('GET', `${base}/configmaps?fieldSelector=metadata.name%3Dmine`),
      code('GET', `${base}/configmaps?fieldSelector=metadata.name%3Dother`),
      code('GET', '/api/v1/namespaces/kube-system/configmaps?fieldSelector=metadata.name%3Dkube-dns'),
      code('GET', `${base}/secrets?fieldSelector=metadata.name%3Dshop-tls`),
      code('GET', `${base}/secrets?fieldSelector=metadata.name%3Dother-tls`),
      code('GET', '/apis/networking.k8s.io/v1/networkpolicies'),
      code('GET', `${base}/secrets`),
      code('GET', '/api/v1/pods'),
      code('POST', '/apis/apps/v1/namespaces/default/deployments', {}),
      code('POST', `${base}/pods/on-n1/exec`),
      code('DELETE', '/api/v1/nodes/n1'),
      code('PUT', '/api/v1/nodes/n2', {}),
      code('POST', `${base}/serviceaccounts/nobody/token`, {}),
    ]),
    [200, 403, 200, 403, 200, 200, 403, 200, 403, 200, 403, 403, 403, 403, 403],
  );
});

test('the default roles are there', async () => {
  const names = (await live.api.client.list(clusterRoleBindings)).items.map(({ metadata }) => metadata.name);
  assert(names.includes('cluster-admin') && names.includes('system:discovery') && names.includes('system:basic-user'));
});

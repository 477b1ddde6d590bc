import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { after, before, test } from 'node:test';
import { apiServices, clusterRoleBindings, clusterRoles, configMaps, endpointSlices, services } from '../../../api/kubernetes/kinds.ts';
import type { APIService, EndpointSlice } from '../../../api/kubernetes/types.generated.ts';
import { eventually } from '../../../../test/support/eventually.ts';
import { kubeconfigOf, liveServer, type LiveServer } from '../live.fake.ts';
import { extensionServer, group, type ExtensionServer } from './extension-server.fake.ts';

const kubectlPath = join(import.meta.dirname, '../../../../.cache/bin/kubectl-1.35');
const name = `v1.${group}`;
const place = { namespace: 'default', name: 'ext' };
const soon = <T>(check: () => Promise<T>): Promise<T> => eventually(check, { withinMs: 30_000 });
let live: LiveServer;
let extension: ExtensionServer;
let folder = '';

before(async () => {
  live = await liveServer();
  folder = mkdtempSync(join(tmpdir(), 'davit-aggregation-'));
  writeFileSync(join(folder, 'config'), kubeconfigOf(live));
  await soon(() => live.api.client.get(configMaps, { namespace: 'kube-system', name: 'extension-apiserver-authentication' }));
  extension = await extensionServer(live, ['ext.default.svc']);
  await grant(
    'extension',
    [{ apiGroups: ['authorization.k8s.io'], resources: ['subjectaccessreviews'], verbs: ['create'] }],
    'system:extension',
  );
  await grant('widgets', [{ apiGroups: [group], resources: ['widgets'], verbs: ['get', 'list'] }], 'jane');
});
after(async () => {
  await extension[Symbol.asyncDispose]();
  await live[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true });
});

async function grant(role: string, rules: readonly object[], user: string): Promise<void> {
  const { client } = live.api;
  const [apiVersion, metadata] = ['rbac.authorization.k8s.io/v1', { name: role }];
  await client.create(clusterRoles, { apiVersion, kind: 'ClusterRole', metadata, rules } as never);
  const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role };
  const subjects = [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: user }];
  await client.create(clusterRoleBindings, { apiVersion, kind: 'ClusterRoleBinding', metadata, roleRef, subjects } as never);
}

interface Answer {
  readonly code: number;
  readonly text: string;
  readonly headers: IncomingMessage['headers'];
}

async function send(method: string, path: string, headers: Readonly<Record<string, string>> = {}, body?: string): Promise<Answer> {
  const outgoing = request(`${live.api.url}${path}`, { method, ca: live.ca, ...live.admin, headers, agent: false });
  outgoing.end(body);
  const [incoming] = (await once(outgoing, 'response')) as [IncomingMessage];
  return { code: incoming.statusCode ?? 0, text: await text(incoming), headers: incoming.headers };
}

async function kubectl(line: string, input = ''): Promise<string> {
  const child = spawn(kubectlPath, line.split(' '), { env: { HOME: folder, KUBECONFIG: join(folder, 'config') } });
  child.stdin.end(input);
  const [out, error] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return (out + error).trim();
}

const service = (spec: object = {}): APIService => ({
  apiVersion: 'apiregistration.k8s.io/v1',
  kind: 'APIService',
  metadata: { name },
  spec: { group, version: 'v1', groupPriorityMinimum: 1000, versionPriority: 15, service: place, ...spec },
});

/** Waits until the condition has the reason. */
async function available(reason: string): Promise<string> {
  return soon(async () => {
    const { status } = await live.api.client.get(apiServices, { name });
    const [found] = status?.conditions ?? [];
    assert.equal(found?.reason, reason, found?.message);
    return `${found?.status} ${found?.message}`;
  });
}

const slice = (ready: boolean): EndpointSlice =>
  ({
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { ...place, labels: { 'kubernetes.io/service-name': 'ext' } },
    addressType: 'IPv4',
    endpoints: [{ addresses: ['127.0.0.1'], conditions: { ready } }],
    ports: [{ name: '', port: extension.port, protocol: 'TCP' }],
  }) as EndpointSlice;

const list = `/apis/${group}/v1/namespaces/default/widgets`;

test('what this server serves itself is listed as local, and what APIServices say is checked', async () => {
  const { client } = live.api;
  await soon(async () => {
    const all = (await client.list(apiServices)).items.map(({ metadata }) => metadata.name);
    for (const one of ['v1.', 'v1.apps', 'v2.autoscaling']) assert.ok(all.includes(one), one);
    assert.ok(!all.includes('v1.apiregistration.k8s.io'));
  });
  const { spec, status } = await client.get(apiServices, { name: 'v1.apps' });
  assert.deepEqual([spec?.groupPriorityMinimum, status?.conditions?.[0]?.reason], [17_800, 'Local']);
  const rows: readonly (readonly [object, RegExp])[] = [
    [{ version: 'v2' }, /metadata\.name: Invalid value: .* must be `spec\.version\+"\."\+spec\.group`: "v2\.ext\.example\.com"/],
    [{ groupPriorityMinimum: 0 }, /spec\.groupPriorityMinimum: Invalid value: 0: must be positive and less than 20000/],
    [
      { caBundle: 'YQ==', insecureSkipTLSVerify: true },
      /spec\.insecureSkipTLSVerify: Invalid value: true: may not be true if caBundle is present/,
    ],
    [{ service: undefined, caBundle: 'YQ==' }, /spec\.caBundle: Invalid value: "1 bytes": local APIServices may not have a caBundle/],
    [{ service: { name: 'x' } }, /spec\.service\.namespace: Required value/],
  ];
  for (const [bad, message] of rows) await assert.rejects(client.create(apiServices, service(bad)), { message });
});

test('an APIService is available once its Service, its endpoints and its server are', async () => {
  const { client } = live.api;
  await client.create(apiServices, service({ caBundle: Buffer.from(live.ca).toString('base64') }));
  assert.equal(await available('ServiceNotFound'), 'False service/ext in "default" is not present');
  assert.deepEqual((({ code, text: said }) => [code, said])(await send('GET', list)), [503, 'service unavailable\n']);
  await client.create(services, { apiVersion: 'v1', kind: 'Service', metadata: place, spec: { ports: [{ port: 444 }] } } as never);
  assert.equal(await available('ServicePortError'), 'False service/ext in "default" is not listening on port 443');
  await client.patch(services, place, { type: 'merge', body: { spec: { ports: [{ port: 443 }] } } });
  assert.equal(await available('EndpointsNotFound'), 'False cannot find endpointslices for service/ext in "default"');
  await client.create(endpointSlices, slice(false));
  assert.equal(
    await available('MissingEndpoints'),
    'False endpointslices for service/ext in "default" have no addresses with port name ""',
  );
  extension.isHealthy = false;
  await client.update(endpointSlices, slice(true));
  assert.match(
    await available('FailedDiscoveryCheck'),
    /^False failing or missing response from https:\/\/127\.0\.0\.1:\d+\/apis\/ext.*bad status from .*: 500$/,
  );
  extension.isHealthy = true;
  assert.equal(await available('Passed'), 'True all checks passed');
});

test('requests reach it in the name of who asks, and nobody can say who they are', async () => {
  const lies = { authorization: 'Bearer x', 'x-remote-user': 'root', 'x-remote-group': 'system:masters', 'x-remote-extra-a': 'b' };
  const acting = { 'impersonate-user': 'jane', 'impersonate-extra-scopes': 'read', 'impersonate-group': 'crew' };
  const answer = await send('GET', `${list}?limit=5`, { ...lies, ...acting });
  assert.deepEqual([answer.code, JSON.parse(answer.text).kind], [200, 'WidgetList']);
  const { headers, path } = extension.asked.findLast((one) => one.path.startsWith(list)) ?? assert.fail();
  assert.equal(path, `${list}?limit=5`);
  assert.deepEqual(
    ['x-remote-user', 'x-remote-group', 'x-remote-extra-scopes', 'x-remote-extra-a', 'authorization', 'impersonate-user'].map(
      (one) => headers[one],
    ),
    ['jane', 'crew, system:authenticated', 'read', undefined, undefined, undefined],
  );
  const posted = JSON.stringify({ apiVersion: `${group}/v1`, kind: 'Widget', metadata: { name: 'a' } });
  assert.equal((await send('POST', list, { 'content-type': 'application/json' }, posted)).code, 201);
  assert.equal(extension.asked.findLast((one) => one.method === 'POST')?.body, posted);
  const refused = await send('POST', list, { ...acting, 'content-type': 'application/json' }, posted);
  assert.deepEqual([refused.code, JSON.parse(refused.text).reason], [403, 'Forbidden']);
});

test('watches and upgraded connections pass through', async () => {
  const watching = request(`${live.api.url}${list}?watch=true`, { ca: live.ca, ...live.admin, agent: false });
  watching.end();
  const [incoming] = (await once(watching, 'response')) as [IncomingMessage];
  const [line] = (await once(incoming, 'data')) as [Buffer];
  assert.equal((JSON.parse(line.toString()) as { readonly type: string }).type, 'ADDED');
  watching.on('error', () => undefined).destroy();
  const headers = { connection: 'Upgrade', upgrade: 'echo', 'x-remote-user': 'root' };
  const upgrading = request(`${live.api.url}${list}/a/echo`, { ca: live.ca, ...live.admin, headers, agent: false });
  upgrading.end();
  const [, socket, head] = (await once(upgrading, 'upgrade')) as [IncomingMessage, NodeJS.ReadWriteStream, Buffer];
  let got = head.toString();
  socket.on('data', (chunk: Buffer) => (got += chunk.toString()));
  socket.write('hello');
  await soon(async () => assert.equal(got, 'kubernetes-admin:hello'));
  socket.end();
});

test('discovery and OpenAPI have it beside what is served here; it is stale while its server is gone', async () => {
  const all = { accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList' };
  interface Item {
    readonly metadata: { readonly name: string };
    readonly versions: readonly { readonly freshness: string; readonly resources: readonly { readonly resource: string }[] }[];
  }
  const itemOf = async (): Promise<Item['versions'][number]> => {
    const { items } = JSON.parse((await send('GET', '/apis', all)).text) as { readonly items: readonly Item[] };
    return items.find(({ metadata }) => metadata.name === group)?.versions[0] ?? assert.fail();
  };
  await soon(async () =>
    assert.deepEqual(
      (await itemOf()).resources.map((one) => one.resource),
      ['widgets'],
    ),
  );
  assert.equal((await itemOf()).freshness, 'Current');
  const groups = (JSON.parse((await send('GET', '/apis')).text) as { groups: { name: string }[] }).groups.map((one) => one.name);
  assert.deepEqual([groups[0], groups[1], groups.includes(group)], ['apiregistration.k8s.io', 'apps', true]);
  assert.equal(JSON.parse((await send('GET', `/apis/${group}`)).text).preferredVersion.version, 'v1');
  assert.equal(JSON.parse((await send('GET', `/apis/${group}/v1`)).text).resources.length, 2);
  const { paths } = JSON.parse((await send('GET', '/openapi/v3')).text) as { paths: Record<string, { serverRelativeURL: string }> };
  const document = await send('GET', paths[`apis/${group}/v1`]?.serverRelativeURL ?? '');
  assert.equal(JSON.parse(document.text).info.title, 'ext');
});

test('kubectl cannot tell it from what is served here', { skip: existsSync(kubectlPath) ? false : 'no kubectl' }, async () => {
  assert.match(await kubectl('get apiservices'), /v1\.apps +Local +True[^]*v1\.ext\.example\.com +default\/ext +True/);
  assert.match(await kubectl('api-resources'), /widgets +wg +ext\.example\.com\/v1 +true +Widget/);
  const manifest = `{"apiVersion": "${group}/v1", "kind": "Widget", "metadata": {"name": "b"}}`;
  assert.equal(await kubectl('create -f -', manifest), 'widget.ext.example.com/b created');
  assert.match(await kubectl('get wg'), /NAME +AGE\na +\S+\nb +\S+/);
  assert.equal(await kubectl('get widget b -o name'), 'widget.ext.example.com/b');
  assert.match(await kubectl('explain widget.size'), /How large it is\./);
  assert.match(await kubectl('explain widget.size --output=plaintext-openapiv2'), /How large it is\./);
  assert.match(await kubectl('create -f - --as jane', manifest.replace('"b"', '"c"')), /^Error from server \(Forbidden\)/);
  assert.equal(await kubectl('auth can-i list widgets --as jane'), 'yes');
});

test('a certificate that is not what caBundle says is refused; without verification it is taken', async () => {
  const { client } = live.api;
  const other = await liveServer();
  const stranger = other.ca;
  await other[Symbol.asyncDispose]();
  await client.patch(apiServices, { name }, { type: 'merge', body: { spec: { caBundle: Buffer.from(stranger).toString('base64') } } });
  const refused = await send('GET', list);
  assert.equal(refused.code, 503);
  assert.match(refused.text, /^error trying to reach service: .*certificate/);
  await client.patch(apiServices, { name }, { type: 'merge', body: { spec: { caBundle: null, insecureSkipTLSVerify: true } } });
  assert.equal((await send('GET', list)).code, 200);
  extension.isHealthy = false;
  await client.patch(endpointSlices, place, { type: 'merge', body: { endpoints: [] } });
  await available('MissingEndpoints');
  assert.equal((await send('GET', list)).code, 503);
  assert.match(
    (await send('GET', '/apis', { accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList' })).text,
    /"Stale"/,
  );
  await client.delete(apiServices, { name });
  assert.equal((await send('GET', list)).code, 404);
});

test('definitions come and go as local APIServices', async () => {
  const { client } = live.api;
  const definition = {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'gears.parts.example.com' },
    spec: {
      group: 'parts.example.com',
      scope: 'Namespaced',
      names: { plural: 'gears', kind: 'Gear' },
      versions: [{ name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object' } } }],
    },
  };
  const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
  assert.equal((await send('POST', path, { 'content-type': 'application/json' }, JSON.stringify(definition))).code, 201);
  await soon(async () => {
    const { metadata } = await client.get(apiServices, { name: 'v1.parts.example.com' });
    assert.deepEqual(metadata.labels, { 'kube-aggregator.kubernetes.io/automanaged': 'true' });
  });
  await send('DELETE', `${path}/gears.parts.example.com`);
  await soon(() => assert.rejects(client.get(apiServices, { name: 'v1.parts.example.com' }), { kind: 'notFound' }));
});

import { once } from 'node:events';
import type { IncomingHttpHeaders, ServerResponse } from 'node:http';
import { createServer, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { configMaps } from '../../../api/kubernetes/kinds.ts';
import type { LiveServer } from '../live.fake.ts';

/** An API server of somebody else's, as one would write it: believes the front proxy alone, asks davit what users may. */
export interface ExtensionServer extends AsyncDisposable {
  readonly port: number;
  readonly asked: { readonly method: string; readonly path: string; readonly headers: IncomingHttpHeaders; readonly body: string }[];
  isHealthy: boolean;
}

export const group = 'ext.example.com';
const widgets = new Map<string, object>();
const widget = (name: string): object => ({
  apiVersion: `${group}/v1`,
  kind: 'Widget',
  metadata: { name, namespace: 'default', creationTimestamp: '2026-01-01T00:00:00Z' },
});

const resources = [
  {
    name: 'widgets',
    singularName: 'widget',
    namespaced: true,
    kind: 'Widget',
    verbs: ['get', 'list', 'watch', 'create'],
    shortNames: ['wg'],
  },
  { name: 'widgets/echo', singularName: '', namespaced: true, kind: 'Widget', verbs: ['get'] },
];

export async function extensionServer(live: LiveServer, hosts: readonly string[]): Promise<ExtensionServer> {
  const trust = await live.api.client.get(configMaps, { namespace: 'kube-system', name: 'extension-apiserver-authentication' });
  const own = await live.issue('system:extension', undefined, hosts);
  const server = createServer({
    ...own,
    ca: trust.data?.['requestheader-client-ca-file'],
    requestCert: true,
    rejectUnauthorized: false,
  });
  const fake = { asked: [] as ExtensionServer['asked'], isHealthy: true };
  const isAllowed = (headers: IncomingHttpHeaders, verb: string): Promise<boolean> =>
    review(live, own, {
      user: headers['x-remote-user'],
      groups: String(headers['x-remote-group']).split(', '),
      resourceAttributes: { namespace: 'default', group, resource: 'widgets', verb },
    });
  server.on('request', (incoming, outgoing) => {
    void incoming.toArray().then(async (chunks: Buffer[]) => {
      const path = incoming.url ?? '/';
      fake.asked.push({ method: incoming.method ?? '', path, headers: incoming.headers, body: Buffer.concat(chunks).toString() });
      const socket = incoming.socket as TLSSocket;
      if (!fake.isHealthy) return json(outgoing, 500, {});
      if (!socket.authorized || socket.getPeerCertificate().subject.CN !== 'front-proxy-client') return json(outgoing, 401, {});
      if (
        path.startsWith('/apis/') &&
        path.includes('widgets') &&
        !(await isAllowed(incoming.headers, verbOf(incoming.method ?? '', path)))
      )
        return json(outgoing, 403, { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: 403, message: 'the extension says no' });
      return answer(outgoing, incoming.method ?? '', path, Buffer.concat(chunks).toString());
    });
  });
  server.on('upgrade', (incoming, socket) => {
    socket.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    socket.write(`${String(incoming.headers['x-remote-user'])}:`);
    socket.pipe(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return Object.assign(fake, {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      widgets.clear();
    },
  });
}

const verbOf = (method: string, path: string): string =>
  method === 'POST' ? 'create' : path.includes('watch=') ? 'watch' : /widgets\/./.test(path) ? 'get' : 'list';

function answer(outgoing: ServerResponse, method: string, path: string, body: string): void {
  const [where = ''] = path.split('?');
  const name = /\/widgets\/([^/]+)$/.exec(where)?.[1];
  if (where === '/apis') return json(outgoing, 200, { kind: 'APIGroupList', apiVersion: 'v1', groups: [] });
  if (where === `/apis/${group}/v1`)
    return json(outgoing, 200, { kind: 'APIResourceList', apiVersion: 'v1', groupVersion: `${group}/v1`, resources });
  if (where === '/openapi/v3')
    return json(outgoing, 200, { paths: { [`apis/${group}/v1`]: { serverRelativeURL: `/openapi/v3/apis/${group}/v1?hash=abc` } } });
  if (where === '/openapi/v2') return json(outgoing, 200, { swagger: '2.0', paths: {}, definitions: openapi.components.schemas });
  if (where === `/openapi/v3/apis/${group}/v1`) return json(outgoing, 200, openapi);
  if (path.includes('watch=')) {
    outgoing.writeHead(200, { 'content-type': 'application/json' });
    outgoing.write(`${JSON.stringify({ type: 'ADDED', object: widget('seen') })}\n`);
    return;
  }
  if (method === 'POST') {
    const { metadata } = JSON.parse(body) as { readonly metadata: { readonly name: string } };
    const made = widget(metadata.name);
    widgets.set(metadata.name, made);
    return json(outgoing, 201, made);
  }
  if (name !== undefined) return json(outgoing, widgets.has(name) ? 200 : 404, widgets.get(name) ?? {});
  return json(outgoing, 200, {
    kind: 'WidgetList',
    apiVersion: `${group}/v1`,
    metadata: { resourceVersion: '7' },
    items: [...widgets.values()],
  });
}

const openapi = {
  openapi: '3.0.0',
  info: { title: 'ext', version: 'v1' },
  paths: {
    [`/apis/${group}/v1/namespaces/{namespace}/widgets/{name}`]: {
      patch: {
        'x-kubernetes-action': 'patch',
        'x-kubernetes-group-version-kind': { group, version: 'v1', kind: 'Widget' },
        parameters: [{ name: 'fieldValidation', in: 'query', schema: { type: 'string' } }],
        responses: { 200: { description: 'OK' } },
      },
    },
  },
  components: {
    schemas: {
      Widget: {
        type: 'object',
        description: 'What the extension makes.',
        properties: {
          apiVersion: { type: 'string' },
          kind: { type: 'string' },
          size: { type: 'integer', description: 'How large it is.' },
        },
        'x-kubernetes-group-version-kind': [{ group, version: 'v1', kind: 'Widget' }],
      },
    },
  },
};

function json(outgoing: ServerResponse, code: number, value: object): void {
  outgoing.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(value));
}

/** What an extension server asks of the cluster's own: a SubjectAccessReview. */
async function review(live: LiveServer, own: { readonly cert: string; readonly key: string }, spec: object): Promise<boolean> {
  const url = `${live.api.url}/apis/authorization.k8s.io/v1/subjectaccessreviews`;
  const outgoing = request(url, { method: 'POST', ca: live.ca, ...own, agent: false, headers: { 'content-type': 'application/json' } });
  outgoing.end(JSON.stringify({ apiVersion: 'authorization.k8s.io/v1', kind: 'SubjectAccessReview', spec }));
  const [incoming] = (await once(outgoing, 'response')) as [AsyncIterable<Buffer>];
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk);
  const { status } = JSON.parse(Buffer.concat(chunks).toString()) as { readonly status?: { readonly allowed?: boolean } };
  return status?.allowed === true;
}

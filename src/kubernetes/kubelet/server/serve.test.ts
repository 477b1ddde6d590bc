import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:https';
import { after, test } from 'node:test';
import { WebSocket } from 'ws';
import { silentLog } from '../../../base/log.ts';
import { Pushable } from '../../../base/pushable.ts';
import { createAuthority, issueCertificate } from '../../../daemon/pki.ts';
import type { Engine } from '../../../engine/engine.ts';
import { podLabels } from '../pod/observed.ts';
import { podOf } from '../pod/pod.fake.ts';
import { serveKubelet } from './serve.ts';

const authority = await createAuthority('test');
const [own, admin, stranger] = await Promise.all([
  issueCertificate(authority, { commonName: 'system:node:n1', organization: 'system:nodes', hosts: ['127.0.0.1'] }),
  issueCertificate(authority, { commonName: 'kube-apiserver-kubelet-client', organization: 'system:masters' }),
  issueCertificate(authority, { commonName: 'somebody', organization: 'people' }),
]);
const ca = authority.cert;

/** An engine with one container whose processes echo stdin in capitals and end with 3. */
function echoEngine(): Engine {
  const labels = {
    [podLabels.namespace]: 'default',
    [podLabels.name]: 'web',
    [podLabels.uid]: 'u1',
    [podLabels.container]: 'app',
    [podLabels.attempt]: '0',
  };
  const output = new Pushable<{ readonly stream: 'stdout'; readonly data: Buffer }>();
  const parts = {
    containers: {
      list: async () => [{ id: 'c1', labels, pid: 1 }],
      async *logs() {
        yield { stream: 'stdout', time: '2026-11-23T12:00:00.000000001Z', data: Buffer.from('one\n') };
        yield { stream: 'stdout', time: '2026-11-23T12:00:01.000000001Z', data: Buffer.from('two\n') };
      },
    },
    execs: {
      create: async () => 'e1',
      start: async () => ({
        output,
        write: async (data: Buffer) => output.push({ stream: 'stdout', data: Buffer.from(data.toString().toUpperCase()) }),
        endInput: () => output.end(),
        [Symbol.dispose]: () => undefined,
      }),
      resize: async () => undefined,
      wait: async () => 3,
    },
  };
  return parts as unknown as Engine;
}

const server = await serveKubelet({
  engine: echoEngine(),
  kernel: { namespaces: { create: () => undefined, remove: () => undefined, inNetwork: (_path, run) => run(), exists: () => true } },
  nodeName: 'n1',
  address: '127.0.0.1',
  port: 0,
  tls: { ca, ...own },
  pods: () => [podOf()],
  log: silentLog,
});
after(() => server[Symbol.asyncDispose]());

async function fetchText(
  path: string,
  identity?: { readonly cert: string; readonly key: string },
): Promise<{ readonly code: number | undefined; readonly text: string }> {
  const request = get({ host: '127.0.0.1', port: server.port, path, ca, ...identity, agent: false });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return { code: response.statusCode, text };
}

test('only the API server is let in; health is for everybody', async () => {
  assert.equal((await fetchText('/healthz')).text, 'ok');
  assert.equal((await fetchText('/pods')).code, 401);
  assert.equal((await fetchText('/pods', stranger)).code, 403);
  assert.equal((await fetchText('/pods', admin)).code, 200);
});

test('logs: timestamps, limits, and clear refusals', async () => {
  const path = '/containerLogs/default/web/app';
  assert.equal((await fetchText(path, admin)).text, 'one\ntwo\n');
  assert.equal((await fetchText(`${path}?timestamps=true&limitBytes=35`, admin)).text, '2026-11-23T12:00:00.000000001Z one\n');
  assert.deepEqual(await fetchText(`${path}?previous=true`, admin), {
    code: 400,
    text: 'previous terminated container "app" in pod "web" not found',
  });
  assert.equal((await fetchText(`${path}?tailLines=x`, admin)).code, 400);
  assert.equal((await fetchText('/containerLogs/default/web/other', admin)).code, 404);
});

test('exec over WebSocket: input, half-close, output and exit code', async () => {
  const url = `wss://127.0.0.1:${server.port}/exec/default/web/app?command=x&stdin=true&stdout=true`;
  const socket = new WebSocket(url, 'v5.channel.k8s.io', { ca, ...admin });
  await once(socket, 'open');
  const messages: string[] = [];
  socket.on('message', (data: Buffer) => messages.push(`${data[0]} ${data.subarray(1).toString()}`));
  socket.send(Buffer.concat([Buffer.of(0), Buffer.from('hello')]));
  socket.send(Buffer.of(255, 0));
  await once(socket, 'close');
  assert.equal(messages[0], '1 HELLO');
  const status = JSON.parse(messages[1]?.slice(2) ?? '{}') as { readonly details: { readonly causes: readonly unknown[] } };
  assert.deepEqual(status.details.causes, [{ reason: 'ExitCode', message: '3' }]);
});

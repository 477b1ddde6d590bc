import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { after, test } from 'node:test';
import type { Probe } from '../../../api/kubernetes/types.generated.ts';
import { appContainer } from '../pod/pod.fake.ts';
import { runProbe, type ProbeResult } from './run-probe.ts';

const web = createServer((request, response) => {
  response.statusCode = request.headers['x-probe'] === 'yes' ? 204 : 503;
  if (request.url !== '/hang') response.end();
});
const grpc = createHttp2Server();
grpc.on('stream', (stream) => {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' });
  stream.end(Buffer.from([0, 0, 0, 0, 2, 0x08, 1]));
});
await Promise.all([once(web.listen(0, '127.0.0.1'), 'listening'), once(grpc.listen(0, '127.0.0.1'), 'listening')]);
after(() => {
  web.closeAllConnections();
  web.close();
  grpc.close();
});
const { port } = web.address() as AddressInfo;
const { port: grpcPort } = grpc.address() as AddressInfo;

const execs = { run: async () => ({ exitCode: 2, output: 'no\n', timedOut: false }) };
const container = appContainer({ ports: [{ name: 'http', containerPort: port }] });
const look = (probe: Probe): Promise<ProbeResult> => runProbe(probe, { containerId: 'c1', container, ip: '127.0.0.1' }, execs);

test('HTTP: status, headers, named ports and time-outs', async () => {
  const httpHeaders = [{ name: 'X-Probe', value: 'yes' }];
  assert.equal((await look({ httpGet: { port: 'http', httpHeaders } })).success, true);
  assert.deepEqual(await look({ httpGet: { port } }), { success: false, message: 'HTTP probe failed with statuscode: 503' });
  assert.match((await look({ httpGet: { port, path: '/hang' }, timeoutSeconds: 0.05 })).message, /context deadline exceeded/);
  assert.match((await look({ httpGet: { port: 'gone' } })).message, /couldn't find port: gone/);
});

test('TCP, gRPC and exec', async () => {
  assert.equal((await look({ tcpSocket: { port } })).success, true);
  assert.match((await look({ tcpSocket: { port: 1 } })).message, /dial tcp 127\.0\.0\.1:1: connect: connection refused/);
  assert.equal((await look({ grpc: { port: grpcPort } })).success, true);
  assert.deepEqual(await look({ exec: { command: ['x'] } }), { success: false, message: 'no\n' });
});

import { connect } from 'node:http2';
import type { ProbeResult } from './run-probe.ts';

/**
 * grpc.health.v1.Health/Check by hand: the request is field 1 (string service), the reply field 1 (enum, 1 = SERVING).
 * A gRPC message on the wire is: compressed flag (1 byte), length (4 bytes), protobuf. https://github.com/grpc/grpc/blob/master/doc/health-checking.md
 */
export function grpcHealth(host: string, port: number, service: string, timeoutMs: number): Promise<ProbeResult> {
  const { promise, resolve } = Promise.withResolvers<ProbeResult>();
  const session = connect(`http://${host}:${port}`);
  const failed = (message: string): void => resolve({ success: false, message });
  const timer = setTimeout(() => failed(`timeout: health rpc did not complete within ${timeoutMs / 1000}s`), timeoutMs);
  session.on('error', (error) => failed(`timeout: failed to connect service "${host}:${port}": ${error.message}`));
  const stream = session.request({
    ':method': 'POST',
    ':path': '/grpc.health.v1.Health/Check',
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  const chunks: Buffer[] = [];
  stream.on('error', (error) => failed(error.message));
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('end', () => {
    const message = Buffer.concat(chunks).subarray(5);
    const isServing = message[0] === 0x08 && message[1] === 1;
    resolve({ success: isServing, message: isServing ? '' : 'service unhealthy (responded with "NOT_SERVING")' });
  });
  stream.end(encodeRequest(service));
  return promise.finally(() => {
    clearTimeout(timer);
    session.destroy();
  });
}

function encodeRequest(service: string): Buffer {
  const name = Buffer.from(service);
  const body = name.length === 0 ? name : Buffer.concat([Buffer.from([0x0a, name.length]), name]);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]);
}

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { mediaTypes } from '../../api/oci/image.ts';
import { digestOf, type Digest } from '../../base/digest.ts';
import { architecture } from '../images/import.ts';

/** A registry in memory to pull from, without passwords. */
export interface RegistryFake extends AsyncDisposable {
  /** Stores an image of these tars; its name. */
  publish(layers: readonly Buffer[]): string;
}

export async function startRegistry(): Promise<RegistryFake> {
  const content = new Map<string, { readonly type: string; readonly data: Buffer }>();
  const server = createServer((request, response) => {
    const found = content.get(request.url?.split('/').at(-1) ?? '');
    if (request.url === '/v2/') response.end('{}');
    else if (found) response.writeHead(200, { 'content-type': found.type }).end(found.data);
    else response.writeHead(404).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const put = (data: Buffer, mediaType: string): { readonly mediaType: string; readonly digest: Digest; readonly size: number } => {
    content.set(digestOf(data), { type: mediaType, data });
    return { mediaType, digest: digestOf(data), size: data.length };
  };
  return {
    publish: (tars) => {
      const rootfs = { type: 'layers', diff_ids: tars.map(digestOf) };
      const config = put(
        Buffer.from(JSON.stringify({ architecture: architecture(), os: 'linux', config: {}, rootfs })),
        mediaTypes.ociConfig,
      );
      const layers = tars.map((tar) => put(gzipSync(tar), mediaTypes.ociLayerGzip));
      const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers }));
      content.set('latest', { type: mediaTypes.ociManifest, data: manifest });
      return `127.0.0.1:${(server.address() as AddressInfo).port}/image:latest`;
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

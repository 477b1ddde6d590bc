import { Worker } from 'node:worker_threads';
import { KindError } from '../../base/errors.ts';
import { workerUrl } from '../../base/worker-url.ts';
import type { GatewayOptions } from './gateway.ts';
import type { Routes } from './routes.ts';

/** A gateway on a thread of its own: traffic never slows the node, the node never traffic. */
export interface GatewayThread extends AsyncDisposable {
  send(routes: Routes): void;
  /** Resolves when the thread died by itself. */
  readonly ended: Promise<void>;
}

/** Resolves when it listens; a taken port is `unavailable`. */
export async function startGateway(options: GatewayOptions): Promise<GatewayThread> {
  const worker = new Worker(workerUrl('gateway', import.meta.url), { workerData: options });
  const ended = Promise.withResolvers<void>();
  worker.on('error', () => ended.resolve());
  worker.on('exit', () => ended.resolve());
  const said = await new Promise<{ readonly listening?: true; readonly failed?: string }>((resolve) => {
    worker.once('message', resolve);
    void ended.promise.then(() => resolve({ failed: 'its thread ended' }));
  });
  if (said.failed !== undefined) {
    await worker.terminate();
    throw new KindError(
      'unavailable',
      `the ingress gateway cannot listen: ${said.failed}; free the port, or choose others with davit up --ingress-http-port and --ingress-https-port`,
    );
  }
  return {
    send: (routes) => worker.postMessage(routes),
    ended: ended.promise,
    [Symbol.asyncDispose]: async () => void (await worker.terminate()),
  };
}

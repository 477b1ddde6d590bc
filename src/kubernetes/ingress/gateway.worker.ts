/** The gateway's thread: what it is sent are routes, what it says is whether it listens. */
import { parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '../../base/errors.ts';
import { Gateway, type GatewayOptions } from './gateway.ts';
import type { Routes } from './routes.ts';

try {
  const gateway = await Gateway.open(workerData as GatewayOptions);
  parentPort?.on('message', (routes: Routes) => (gateway.routes = routes));
  parentPort?.postMessage({ listening: true });
} catch (error) {
  parentPort?.postMessage({ failed: messageOf(error) });
}

/** The relay's thread: a listener for every port that the kernel sends here; what it is sent are changes of where they lead. */
import { parentPort } from 'node:worker_threads';
import { messageOf } from '../../base/errors.ts';
import { Relay, type RelayChange } from './relay.ts';

const relay = new Relay();
try {
  parentPort?.on('message', (change: RelayChange) => relay.change(change));
  parentPort?.postMessage({ listening: await relay.listen() });
} catch (error) {
  parentPort?.postMessage({ failed: messageOf(error) });
}

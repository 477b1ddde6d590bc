/** Opens a store, fills it with 100,000 objects of 2 kB if it is empty, and tells what the process then takes: `node --expose-gc store-memory.ts PATH [ENDPOINT]`. */
import { openEtcdStore } from '../src/store/etcd/etcd-store.ts';
import { openStore } from '../src/store/embedded.ts';
import type { Store } from '../src/store/store.ts';

const [path = '', endpoint] = process.argv.slice(2);
const objects = 100_000;

const open = (): Promise<Store> =>
  endpoint === undefined ? openStore({ path }) : openEtcdStore({ endpoints: [endpoint], place: { own: '/registry', etcd: '/memory' } });

async function fill(store: Store): Promise<void> {
  let next = 0;
  const writeOn = async (): Promise<void> => {
    for (let index = next++; index < objects; index = next++) {
      await store.write([{ put: `/registry/pods/default/pod-${(index * 7919) % objects}`, value: Buffer.alloc(2_000, index) }]);
    }
  };
  await Promise.all(Array.from({ length: 256 }, writeOn));
}

const began = performance.now();
await using store = await open();
const openMs = performance.now() - began;
if (store.range('/registry/', { limit: 1 }).entries.length === 0) await fill(store);
if (store.range('/registry/').entries.length !== objects) throw new Error('objects are missing');
globalThis.gc?.();
console.log(JSON.stringify({ megabytes: process.memoryUsage().rss / 1e6, openMs }));

/**
 * The victim of the crash test: opens the store, tells what it sees from a revision on, and writes with 50 writers until
 * it is killed. Messages are [what, revision, key, value]; those of one turn of the event loop go out together.
 */
import { setImmediate as setImmediatePromise } from 'node:timers/promises';
import { openStore } from './embedded.ts';

const [path = '', after = '0', life = '0'] = process.argv.slice(2);
const writers = 50;
const batch: unknown[] = [];
/** Messages that the parent may not have yet. Writers wait when they are many: it must not fall behind what history keeps. */
let untold = 0;

function tell(...message: unknown[]): void {
  if (batch.length === 0) setImmediate(send);
  batch.push(message);
  untold += 1;
}

function send(): void {
  const sent = batch.splice(0);
  process.send?.(sent, undefined, undefined, () => (untold -= sent.length));
}

const store = await openStore({ path, retention: { keep: 4_000, trimAt: 5_000 } });
tell('opened', store.revision);

async function watch(): Promise<void> {
  for await (const changes of store.watch('/', { after: Number(after) }, new AbortController().signal)) {
    for (const { type, entry } of changes)
      tell('seen', entry.modRevision, entry.key, type === 'put' ? new TextDecoder().decode(entry.value) : '');
  }
}

async function writeOn(writer: number): Promise<void> {
  for (let index = 0; ; index += 1) {
    while (untold > 1_000) await setImmediatePromise();
    const key = `/k${(writer * 7 + index) % 97}`;
    const value = `${life}.${writer}.${index}`;
    const isDelete = index % 5 === 4 && store.get(key) !== undefined;
    const { revision } = await store.write([isDelete ? { delete: key } : { put: key, value: new TextEncoder().encode(value) }]);
    // A delete of what another writer has just deleted is no change.
    if (!isDelete) tell('acknowledged', revision, key, value);
  }
}

process.on('disconnect', () => process.exit());
await Promise.all([watch(), ...Array.from({ length: writers }, (_, writer) => writeOn(writer))]);

import { JournaledStore } from './journaled-store.ts';
import { noJournal } from './journal.ts';
import { Keyspace, type Retention } from './keyspace.ts';
import type { Store } from './store.ts';

/** A store that ends with the process. */
export function memoryStore(retention?: Retention): Store {
  return new JournaledStore(noJournal, new Keyspace(), retention);
}

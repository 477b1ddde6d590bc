import { memoryStore } from './memory.ts';
import { storeSuite } from './store.suite.ts';

storeSuite('memory store', async (keep) => memoryStore(keep === undefined ? undefined : { keep, trimAt: keep }));

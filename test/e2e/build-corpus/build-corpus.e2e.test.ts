/** Each case of the corpus through davit and through Debian's dockerd: the same files, the same config, the same refusals. */
import { after, before, describe, test } from 'node:test';
import { hasPeer } from '../../support/peers.ts';
import { conformanceCases } from './conformance-cases.ts';
import { Corpus } from './corpus.ts';
import { fileCases } from './file-cases.ts';
import { languageCases } from './language-cases.ts';

const missing = hasPeer('docker.io') ? false : 'docker.io is not unpacked (bash tools/peers.sh docker.io)';
let corpus: Corpus;

before(async () => {
  if (!missing) corpus = await Corpus.open({ name: 'dcorpus', numbers: [122, 123], release: 'stable', client: 'docker' });
});
after(() => corpus?.[Symbol.asyncDispose]());

const cases = [...fileCases, ...languageCases, ...conformanceCases];

// Each waits for two engines and their clients most of its time.
describe('corpus', { concurrency: 4 }, () => {
  for (const [index, one] of cases.entries()) test(one.name, { skip: missing || (one.skip ?? false) }, () => corpus.compare(one, index));
});

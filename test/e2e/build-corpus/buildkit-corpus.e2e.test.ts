/** What dockerd 20.10 does not know, through davit and through the BuildKit of a dockerd from Debian sid. */
import { after, before, describe, test } from 'node:test';
import { dockerdPeers } from '../../../bench/dockerd.ts';
import { hasPeer } from '../../support/peers.ts';
import { Corpus } from './corpus.ts';
import { ignoreCases, newerCases } from './newer-cases.ts';

const peers = [...dockerdPeers.sid, 'docker-buildx@sid'];
const missing = peers.every(hasPeer) ? false : `not unpacked (bash tools/peers.sh ${peers.join(' ')})`;
let corpus: Corpus;

before(async () => {
  if (!missing) corpus = await Corpus.open({ name: 'dkit', numbers: [124, 125], release: 'sid', client: 'davit' });
});
after(() => corpus?.[Symbol.asyncDispose]());

describe('BuildKit', { concurrency: 4 }, () => {
  for (const [index, one] of [...newerCases, ...ignoreCases].entries())
    test(one.name, { skip: missing || (one.skip ?? false) }, () => corpus.compare(one, index));
});

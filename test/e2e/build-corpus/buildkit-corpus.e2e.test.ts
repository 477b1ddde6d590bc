/** What dockerd 20.10 does not know, through davit and through the BuildKit of a dockerd from Debian sid. */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { dockerdPeers } from '../../../bench/dockerd.ts';
import { hasPeer } from '../../support/peers.ts';
import { checkCases } from './check-cases.ts';
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

interface Warning {
  readonly ruleName: string;
  readonly description: string;
  readonly url?: string;
  readonly detail: string;
  readonly location: { readonly ranges: readonly { readonly start: { readonly line: number } }[] };
}

interface Finding {
  readonly rule: string;
  readonly description: string;
  readonly url: string;
  readonly message: string;
  readonly line: number;
}

// The same rules, descriptions, pages, words and lines.
describe('build checks beside BuildKit', { concurrency: 4 }, () => {
  for (const [index, [name, dockerfile]] of checkCases.entries())
    test(name, { skip: missing }, async () => {
      const folder = await corpus.contextOf({ dockerfile, files: { kept: '', '.dockerignore': 'gone\n' } }, `check-${index}`);
      const [mine, theirs] = await Promise.all([
        corpus.davit(['build', '--check', '--output', 'json', folder]),
        corpus.peer(['buildx', 'build', '--call=check,format=json', folder]),
      ]);
      const { findings } = JSON.parse(mine.stdout) as { findings: readonly Finding[] };
      const { warnings } = JSON.parse(theirs.stdout) as { warnings: readonly Warning[] | null };
      const found = findings.map(({ rule, description, url, message, line }) => [line, rule, message, description, url].join(' | '));
      const wanted = (warnings ?? []).map(({ ruleName, detail, description, url = '', location }) =>
        [location.ranges[0]?.start.line, ruleName, detail, description, url].join(' | '),
      );
      assert.deepEqual(found.toSorted(), wanted.toSorted(), theirs.stderr);
    });
});

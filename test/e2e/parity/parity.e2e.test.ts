/** The same scripts of docker commands against davit and against Debian's dockerd: the same output, the same errors, the same exit code. */
import { after, before, test } from 'node:test';
import { BothEngines, noPeer } from './both-engines.ts';
import { lifeCases } from './life-cases.ts';
import { listCases } from './list-cases.ts';
import { optionCases } from './option-cases.ts';
import { streamCases } from './stream-cases.ts';
import { verbCases } from './verb-cases.ts';

let engines: BothEngines | undefined;

before(async () => {
  if (!noPeer) engines = await BothEngines.start('parity', 134);
});
after(() => engines?.[Symbol.asyncDispose]());

for (const each of [...verbCases, ...streamCases, ...listCases, ...optionCases, ...lifeCases])
  test(each.name, { skip: noPeer, timeout: 90_000 }, () => engines?.compare(each));

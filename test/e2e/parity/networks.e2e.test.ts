/** Networks, links and published ports as davit and Debian's dockerd tell of them: the same scripts, the same words. */
import { after, before, test } from 'node:test';
import { BothEngines, noPeer } from './both-engines.ts';
import { networkCases } from './network-cases.ts';

let engines: BothEngines | undefined;

before(async () => {
  if (!noPeer) engines = await BothEngines.start('netparity', 152);
});
after(() => engines?.[Symbol.asyncDispose]());

for (const each of networkCases) test(each.name, { skip: noPeer, timeout: 90_000 }, () => engines?.compare(each));

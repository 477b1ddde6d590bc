/** `node bench/builds.ts [rounds]`: the builds of `npm run bench` alone, beside dockerd. */
import { busyboxTar } from '../test/support/images.ts';
import { Machine } from '../test/support/machine.ts';
import { buildLines } from './build-lines.ts';
import { startDockerd } from './dockerd.ts';
import { printTable } from './table.ts';

await using stack = new AsyncDisposableStack();
const dockerd = await startDockerd(stack, 'bench-builds', '124');
const machine = stack.use(await Machine.create('benchb', 125));
process.env['DAVIT_MEASURE_LOOP'] = '1';
await machine.davit('up');
printTable(await buildLines(machine, dockerd, await busyboxTar(), Number(process.argv[2] ?? 5)), dockerd?.version);

/** `node bench/images.ts [rounds]`: the images of `npm run bench` alone, beside dockerd. */
import { Machine } from '../test/support/machine.ts';
import { startDockerd } from './dockerd.ts';
import { imageLines } from './image-lines.ts';
import { printTable } from './table.ts';

await using stack = new AsyncDisposableStack();
const dockerd = await startDockerd(stack);
const machine = stack.use(await Machine.create('benchi', 150));
process.env['DAVIT_MEASURE_LOOP'] = '1';
await machine.davit('up', '--insecure-registry', '198.18.0.0/16');
printTable(await imageLines(machine, dockerd, Number(process.argv[2] ?? 3)), dockerd?.version);

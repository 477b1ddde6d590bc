/**
 * A process that works on images until it is killed: `node crash-victim.fake.ts FOLDER SEED IMAGE`. It waits for a line on its input, opens
 * what is below the folder, says `ready`, and pulls, loads, imports, commits, removes and prunes, several at once.
 */
import { createReadStream, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { flushCompileCache } from 'node:module';
import { PassThrough } from 'node:stream';
import { silentLog } from '../../base/log.ts';
import { fakeKernel } from '../../kernel/kernel.fake.ts';
import { openStore } from '../../store/embedded.ts';
import { createEvents } from '../events/ring.ts';
import type { LocalImages } from './local-images.ts';
import { openImages } from './open.ts';
import { architecture } from './import.ts';
import type { OverlaySnapshots } from '../snapshots/overlay-snapshots.ts';

const [folder = '', seed = '0', remote = ''] = process.argv.slice(2);
let state = (Number(seed) * 1_103_515_245 + 12_345) % 2_147_483_647 || 1;

/** Park and Miller: the same seed, the same life. */
function random(below: number): number {
  state = (state * 48_271) % 2_147_483_647;
  return state % below;
}

// It will not come to the usual place for this, which is the end.
flushCompileCache();
await once(process.stdin, 'data');
const store = await openStore({ path: `${folder}/data/store.db` });
const { images, snapshots } = await openImages({
  dataRoot: `${folder}/data`,
  kernel: fakeKernel(),
  store,
  events: createEvents(),
  log: silentLog,
});
process.stdout.write('ready\n');
await Promise.all([0, 1, 2, 3].map((lane) => live(lane)));

async function live(lane: number): Promise<void> {
  for (let turn = 0; ; turn += 1)
    await act(images, snapshots, `${lane}-${turn}-${process.pid}`).catch(
      (error: unknown) => process.env['DAVIT_DEBUG'] && console.error(String(error)),
    );
}

async function act(local: LocalImages, layers: OverlaySnapshots, name: string): Promise<void> {
  const choice = random(10);
  if (choice < 3) for await (const _ of local.pull(remote, {})) if (random(400) === 0) return;
  if (choice === 3 || choice === 4)
    for await (const _ of local.load(createReadStream(`${folder}/saved.tar`).pipe(new PassThrough()))) continue;
  if (choice === 5)
    await local.import(createReadStream(`${folder}/root.tar`).pipe(new PassThrough()), { reference: `imported:${random(4)}` });
  if (choice === 6 || choice === 7) await commit(local, layers, name);
  if (choice === 8) await local.prune({ all: random(4) === 0 });
  if (choice === 9) {
    const list = await local.list();
    const image = list[random(Math.max(list.length, 1))];
    if (image) await local.remove(image.id, { force: true, noPrune: false });
  }
}

async function commit(local: LocalImages, layers: OverlaySnapshots, key: string): Promise<void> {
  const [base] = await local.list();
  const below = base?.config.rootfs.diff_ids ?? [];
  await layers.prepare(`build-${key}`, below);
  writeFileSync(`${layers.upperOf(`build-${key}`)}/written`, key);
  const { diffId } = await layers.commit(`build-${key}`, { consume: random(2) === 0 });
  const rootfs = { type: 'layers', diff_ids: [...below, diffId] } as const;
  await local.create({ architecture: architecture(), os: 'linux', config: {}, rootfs }, { names: [`committed:${random(4)}`] });
  await layers.remove(`build-${key}`);
}

/**
 * The power goes the moment an image is there: what is on the disk by then is copied block for block and mounted as after a reboot.
 * The disk is a file with an ext4 in it that writes nothing by itself meanwhile (commit=300).
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { Readable } from 'node:stream';
import { createReadStream } from 'node:fs';
import { test } from 'node:test';
import { silentLog } from '../../base/log.ts';
import { fakeKernel } from '../../kernel/kernel.fake.ts';
import { openStore } from '../../store/embedded.ts';
import type { Store } from '../../store/store.ts';
import { memoryStore } from '../../store/memory.ts';
import { memoryTarBytes } from '../archive/memory-tar.fake.ts';
import { createEvents } from '../events/ring.ts';
import { startRegistry } from '../registry/registry.fake.ts';
import { openImages } from './open.ts';
import { assertWhole } from './whole.suite.ts';

const open = (dataRoot: string, store: Store): ReturnType<typeof openImages> =>
  openImages({ dataRoot, kernel: fakeKernel(), store, events: createEvents(), log: silentLog });

const files = Array.from({ length: 500 }, (_, index) => ({ name: `f${index}`, data: String(index).repeat(3000) }));

test('after a power cut every image that was there is whole', { skip: !existsSync('/dev/loop-control') && 'no loop devices' }, async () => {
  const folder = mkdtempSync(`${tmpdir()}/davit-power-`);
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rmSync(folder, { recursive: true }));
  const registry = stack.use(await startRegistry());
  const remote = registry.publish([
    memoryTarBytes(...files),
    memoryTarBytes({ name: 'large', data: 'l'.repeat(5_000_000) }, { name: '.wh.f1' }),
  ]);
  const other = await open(`${folder}/other`, memoryStore());
  await other.images.import(Readable.from([memoryTarBytes(...files.map(({ name, data }) => ({ name: `s${name}`, data })))]), {
    reference: 'saved',
  });
  await writeFile(`${folder}/saved.tar`, await other.images.save(['saved']));

  const disk = mountDisk(`${folder}/disk`, `${folder}/before`, stack);
  execFileSync('sync');
  const store = stack.use(await openStore({ path: `${disk}/data/store.db` }));
  const { images, snapshots } = await open(`${disk}/data`, store);
  const verbs: Readonly<Record<string, () => Promise<unknown>>> = {
    pull: () => Array.fromAsync(images.pull(remote, {})),
    load: () => Array.fromAsync(images.load(createReadStream(`${folder}/saved.tar`))),
    import: () => images.import(Readable.from([memoryTarBytes({ name: 'i', data: 'i'.repeat(300_000) })]), { reference: 'imported' }),
    commit: async () => {
      const base = await images.get('imported');
      await snapshots.prepare('c', base.config.rootfs.diff_ids);
      execFileSync('sh', ['-c', 'head -c 400000 /dev/urandom > "$1/new"', 'sh', snapshots.upperOf('c')]);
      const { diffId } = await snapshots.commit('c');
      const rootfs = { type: 'layers', diff_ids: [...base.config.rootfs.diff_ids, diffId] } as const;
      await images.create({ ...base.config, rootfs }, { names: ['committed'] });
    },
  };
  for (const [verb, run] of Object.entries(verbs)) {
    await run();
    execFileSync('cp', ['--sparse=always', `${folder}/disk`, `${folder}/disk-${verb}`]);
    await using reboot = new AsyncDisposableStack();
    const again = mountDisk(`${folder}/disk-${verb}`, `${folder}/after-${verb}`, reboot);
    const found = reboot.use(await openStore({ path: `${again}/data/store.db` }));
    const after = await open(`${again}/data`, found);
    assert.equal((await after.images.list()).length, Object.keys(verbs).indexOf(verb) + 1, verb);
    if (verb === 'commit') await after.snapshots.remove('c');
    await assertWhole(after.images, verb);
  }
});

/** Mounts the disk image, made when it is not there. */
function mountDisk(image: string, target: string, stack: AsyncDisposableStack): string {
  mkdirSync(target);
  if (!existsSync(image)) {
    execFileSync('truncate', ['-s', '192M', image]);
    execFileSync('mke2fs', ['-q', '-F', '-t', 'ext4', '-E', 'lazy_itable_init=0,lazy_journal_init=0', image]);
  }
  execFileSync('mount', ['-o', 'loop,commit=300,noatime', image, target]);
  stack.defer(() => void execFileSync('umount', [target]));
  mkdirSync(`${target}/data`, { recursive: true });
  return target;
}

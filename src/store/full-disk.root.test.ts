import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { openStore } from './embedded.ts';

const disk = mkdtempSync(join(tmpdir(), 'davit-full-'));
execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'davit-test', disk]);
after(() => {
  execFileSync('umount', ['--lazy', disk]);
  rmSync(disk, { recursive: true });
});

test('a full disk refuses writes by name, reads go on, and writing goes on when there is space; nothing acknowledged is lost', async () => {
  const path = join(disk, 'store.db');
  const filler = join(disk, 'filler');
  writeFileSync(filler, Buffer.alloc(2_500_000));
  const acknowledged: string[] = [];
  const value = new Uint8Array(10_000).fill(7);
  const put = async (key: string): Promise<void> => {
    await store.write([{ put: key, value, ifRevision: 0 }]);
    acknowledged.push(key);
  };
  let store = await openStore({ path, retention: { keep: 10, trimAt: 20 } });
  const results = await Promise.allSettled(Array.from({ length: 300 }, (_, index) => put(`/many/${index}`)));
  const refused = results.filter(({ status }) => status === 'rejected') as PromiseRejectedResult[];
  assert(refused.length > 0 && acknowledged.length < 300, `${refused.length} refused`);
  for (const { reason } of refused) assert.match(String(reason), new RegExp(`store ${path}: the disk is full: free some space`));
  let one = 0;
  for (;;) {
    try {
      await put(`/one/${one++}`);
    } catch (error) {
      assert.equal((error as { kind?: string }).kind, 'unavailable');
      break;
    }
  }
  assert.equal(store.range('/').entries.length, acknowledged.length, 'what was refused is not shown');
  rmSync(filler);
  await put('/after');
  await Promise.all(Array.from({ length: 20 }, (_, index) => put(`/after/${index}`)));
  const revision = store.revision;
  await store[Symbol.asyncDispose]();
  store = await openStore({ path });
  assert.deepEqual([store.revision, revision], [acknowledged.length, acknowledged.length], 'no revision was left out');
  assert.deepEqual(
    store.range('/').entries.map(({ key }) => key),
    acknowledged.toSorted(),
  );
  await store[Symbol.asyncDispose]();
});

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { eventually } from '../../test/support/eventually.ts';
import { openStore } from './embedded.ts';

const disk = mkdtempSync(join(tmpdir(), 'davit-ballast-'));
execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'davit-test', disk]);
after(() => {
  execFileSync('umount', ['--lazy', disk]);
  rmSync(disk, { recursive: true });
});

const path = join(disk, 'store.db');
const value = new Uint8Array(100_000).fill(7);

/** Takes the last byte. */
function fill(): void {
  for (let count = 0; ; count += 1) {
    try {
      writeFileSync(join(disk, `filler-${count}`), Buffer.alloc(count < 16 ? 1 << 20 : 4096, 1));
    } catch {
      if (count > 16) return;
    }
  }
}

test('on a full disk something can be removed, also by a store that is opened there; the room for it is kept again later', async () => {
  let store = await openStore({ path });
  for (const key of ['a', 'b', 'c']) await store.write([{ put: key, value }]);
  await eventually(async () => assert.ok(existsSync(`${path}-ballast`)), { withinMs: 5000 });
  fill();
  await assert.rejects(
    (async () => {
      for (;;) await store.write([{ put: 'd', value }]);
    })(),
    { kind: 'unavailable', message: /the disk is full/ },
  );
  await store.write([{ delete: 'a' }]);
  assert.equal(existsSync(`${path}-ballast`), false);
  await store[Symbol.asyncDispose]();
  fill();
  await assert.rejects(openStore({ path }), { message: /the disk is full: free some space/ }, 'not that the file is damaged');
  rmSync(join(disk, 'filler-0'));
  store = await openStore({ path });
  await store.write([{ delete: 'b' }]);
  assert.deepEqual(
    store
      .range('')
      .entries.map(({ key }) => key)
      .filter((key) => key !== 'd'),
    ['c'],
  );
  execFileSync('sh', ['-c', `rm ${disk}/filler-*`]);
  await store.write([{ put: 'e', value }]);
  await eventually(async () => assert.ok(existsSync(`${path}-ballast`)), { withinMs: 5000 });
  await store[Symbol.asyncDispose]();
});

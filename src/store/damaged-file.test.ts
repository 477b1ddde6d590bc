import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { DatabaseSync } from 'node:sqlite';
import { writeContent } from './embedded-file.ts';
import { openStore } from './embedded.ts';

const folder = mkdtempSync(join(tmpdir(), 'davit-damaged-'));
after(() => rmSync(folder, { recursive: true }));

let files = 0;
function healthyFile(): string {
  const path = join(folder, `${files++}`, 'store.db');
  const entries = Array.from({ length: 500 }, (_, index) => ({
    key: `/k${String(index).padStart(4, '0')}`,
    value: new Uint8Array(1000).fill(index),
    createRevision: index + 1,
    modRevision: index + 1,
    version: 1,
  }));
  writeContent(path, { revision: 500, entries });
  return path;
}

const damages: Readonly<Record<string, (path: string) => void>> = {
  'is cut off': (path) => truncateSync(path, 200_000),
  'is something else': (path) => writeFileSync(path, 'this is no database, but it is long enough to be read as one'.repeat(100)),
  'has a page of zeros': (path) => overwrite(path, 4096 * 3, Buffer.alloc(4096)),
  'has a page of noise': (path) => overwrite(path, 4096 * 5, Buffer.alloc(4096, 0xa5)),
  'has other tables': (path) => {
    rmSync(path);
    const database = new DatabaseSync(path);
    database.exec('create table changes (other text)');
    database.close();
  },
};

function overwrite(path: string, at: number, bytes: Buffer): void {
  const whole = readFileSync(path);
  bytes.copy(whole, at);
  writeFileSync(path, whole);
}

for (const [name, damage] of Object.entries(damages)) {
  test(`a file that ${name} is named, with what to do`, async () => {
    const path = healthyFile();
    damage(path);
    const message = new RegExp(`store ${path}: the file is damaged \\(.*davit store restore SNAPSHOT --force.*begin with an empty cluster`);
    await assert.rejects(openStore({ path }), { kind: 'unavailable', message });
  });
}

test('a file of a newer davit is not touched', async () => {
  const path = healthyFile();
  const database = new DatabaseSync(path);
  database.exec(`update facts set value = 2 where name = 'format'`);
  database.close();
  await assert.rejects(openStore({ path }), { kind: 'invalid', message: /written by a newer davit/ });
});

test('an undamaged file opens', async () => {
  await using store = await openStore({ path: healthyFile() });
  assert.deepEqual([store.revision, store.range('/').entries.length], [500, 500]);
});

import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, readlink, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { writePayload } from './atomic-writer.ts';
import type { Payload } from './payload.ts';

const payload = (files: Readonly<Record<string, string>>, mode = 0o644): Payload =>
  new Map(Object.entries(files).map(([path, text]) => [path, { data: Buffer.from(text), mode }]));

test('files are swapped all at once, and only when something differs', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'payload-'));
  try {
    assert.equal(await writePayload(directory, payload({ a: '1', 'deep/b': '2' }, 0o400)), true);
    assert.equal(await readFile(join(directory, 'deep/b'), 'utf8'), '2');
    assert.equal(await readlink(join(directory, 'a')), '..data/a');
    assert.equal((await stat(join(directory, 'a'))).mode & 0o777, 0o400);
    const before = await readlink(join(directory, '..data'));
    assert.equal(await writePayload(directory, payload({ a: '1', 'deep/b': '2' }, 0o400)), false);
    assert.equal(await readlink(join(directory, '..data')), before);
    assert.equal(await writePayload(directory, payload({ a: '3' })), true);
    const names = await readdir(directory);
    assert.deepEqual(
      names.filter((name) => !name.startsWith('..')),
      ['a'],
    );
    assert.equal(names.length, 3, 'the old files are gone');
    assert.equal(await readFile(join(directory, 'a'), 'utf8'), '3');
  } finally {
    await rm(directory, { recursive: true });
  }
});

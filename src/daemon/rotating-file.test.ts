import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { silentLog } from '../base/log.ts';
import { RotatingFile } from './rotating-file.ts';

test('the log is put aside when it is full, and old ones go', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'davit-audit-'));
  const path = join(folder, 'audit.log');
  const options = { holds: 'audit events', path, maxBytes: 1000, maxBackups: 2, maxAgeDays: 0 };
  try {
    for (let round = 0; round < 5; round += 1) {
      await using file = await RotatingFile.open(options, silentLog);
      for (let line = 0; line < 8; line += 1) file.write(`${round} ${line} ${'x'.repeat(90)}`);
    }
    const names = readdirSync(folder).toSorted();
    assert.equal(names.length, 3, names.join(' '));
    assert.match(names[0] ?? '', /^audit-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}\.log$/);
    const kept = names.map((name) => readFileSync(join(folder, name), 'utf8')).join('');
    assert.match(kept, /^\d \d x+\n[^]*4 0 x+\n4 1 x+\n[^]*4 7 x+\n$/);
    await using file = await RotatingFile.open(options, silentLog);
    file.write('the newest');
    const lines = await Array.fromAsync(file.lines());
    assert.deepEqual(lines, [...kept.trimEnd().split('\n'), 'the newest']);
    assert.equal(statSync(path).mode & 0o777, 0o600);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

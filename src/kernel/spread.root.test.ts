import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { spreadDirectoriesOf } from './spread.ts';

const ext = 0xef53;

test('directories are spread where the file system can do so, and nothing else changes', () => {
  const directory = mkdtempSync(`${tmpdir()}/davit-spread-`);
  try {
    writeFileSync(`${directory}/kept`, 'kept');
    const isExt = statfsSync(directory).type === ext;
    assert.equal(spreadDirectoriesOf(directory), isExt);
    assert.equal(spreadDirectoriesOf(directory), isExt, 'twice is once');
    if (isExt) assert.match(execFileSync('lsattr', ['-d', directory], { encoding: 'utf8' }), /^\S*T/);
    mkdirSync(`${directory}/below`);
    assert.deepEqual(readdirSync(directory).sort(), ['below', 'kept']);
    assert.equal(readFileSync(`${directory}/kept`, 'utf8'), 'kept');
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

test('false where there is no such thing', () => assert.equal(spreadDirectoriesOf('/proc/self'), false));

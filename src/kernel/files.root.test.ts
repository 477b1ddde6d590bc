import assert from 'node:assert/strict';
import { closeSync, constants, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { bytesOf, Root, textOf } from './files.ts';
import { deviceOf } from './device-number.ts';

function scratch(run: (directory: string, root: Root) => void): void {
  const directory = mkdtempSync(`${tmpdir()}/davit-files-`);
  mkdirSync(`${directory}/root`);
  try {
    using root = new Root(`${directory}/root`);
    run(directory, root);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

test('no path leaves the root', () => {
  scratch((directory, root) => {
    writeFileSync(`${directory}/secret`, 'outside');
    symlinkSync('/', `${directory}/root/slash`);
    symlinkSync('../..', `${directory}/root/up`);
    root.makeDirectories('slash/up/../made');
    assert.ok(root.stat('made')?.isDirectory());
    assert.equal(root.statTarget(`slash${directory}/secret`), undefined);
    assert.equal(root.statTarget('../secret'), undefined);
    assert.throws(() => root.makeHardLink('../secret', 'stolen'), { kind: 'notFound' });
    assert.throws(() => root.makeHardLink('up/secret', 'stolen'), { kind: 'notFound' });
    assert.throws(() => root.remove('up/..'), { kind: 'invalid' });
    closeSync(root.createFile('up/new', 0o600));
    assert.ok(root.stat('new')?.isFile());
    assert.throws(() => root.createFile('slash', 0o600), { kind: 'alreadyExists' });
    assert.equal(readFileSync(`${directory}/secret`, 'utf8'), 'outside');
  });
});

test('sets owner, mode, attributes and nanoseconds on files, links and devices', () => {
  scratch((_, root) => {
    const fd = root.createFile('ping', 0o600);
    writeSync(fd, 'x');
    closeSync(fd);
    const capability = Buffer.from('0100000200040000000000000000000000000000', 'hex').toString('latin1');
    const mtimeNs = 1_700_000_000_123_456_789n;
    root.setMetadata('ping', {
      owner: { uid: 7, gid: 8 },
      mode: 0o4755,
      attributes: { 'security.capability': capability, 'user.a': 'b' },
      mtimeNs,
    });
    const stat = root.stat('ping');
    assert.deepEqual([stat?.uid, stat?.gid, Number(stat?.mode) & 0o7777, stat?.mtimeNs], [7n, 8n, 0o4755, mtimeNs]);
    assert.deepEqual(root.extendedAttributes('ping'), { 'security.capability': capability, 'user.a': 'b' });

    root.makeSymlink('/nowhere', 'link');
    root.setMetadata('link', { owner: { uid: 3, gid: 4 }, mtimeNs: -1n });
    assert.equal(root.readLink('link'), '/nowhere');
    assert.deepEqual([root.stat('link')?.uid, root.stat('link')?.mtimeNs], [3n, -1n]);

    root.makeNode('tty', constants.S_IFCHR | 0o620, 300, 70_000);
    assert.deepEqual(deviceOf(root.stat('tty')?.rdev ?? 0n), { major: 300, minor: 70_000 });
  });
});

test('keeps names that are not UTF-8, and removes whole trees', () => {
  scratch((_, root) => {
    root.makeDirectories('a/b/c');
    closeSync(root.createFile('a/b/\xff\xfe', 0o600));
    closeSync(root.createFile(`a/b/${bytesOf('ü')}`, 0o600));
    assert.deepEqual(root.list('a/b'), ['c', bytesOf('ü'), '\xff\xfe']);
    assert.equal(textOf(bytesOf('ü')), 'ü');
    root.remove('a');
    root.remove('a');
    assert.deepEqual(root.list(''), []);
  });
});

test('renames elsewhere do not disturb a walk through ..', async () => {
  const directory = mkdtempSync(`${tmpdir()}/davit-renames-`);
  const renames = `const { renameSync, mkdirSync } = require('node:fs');
    mkdirSync('${directory}/a');
    require('node:worker_threads').parentPort.postMessage('going');
    for (;;) { renameSync('${directory}/a', '${directory}/b'); renameSync('${directory}/b', '${directory}/a'); }`;
  const worker = new Worker(renames, { eval: true });
  try {
    await new Promise((resolve) => worker.once('message', resolve));
    scratch((_, root) => {
      root.makeDirectories('deep/er');
      for (let index = 0; index < 3000; index += 1) {
        root.forget();
        closeSync(root.createFile(`deep/er/../../new-${index}`, 0o600));
      }
      assert.equal(root.list('').length, 3001);
    });
  } finally {
    await worker.terminate();
    rmSync(directory, { recursive: true, force: true });
  }
});

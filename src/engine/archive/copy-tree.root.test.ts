import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { copyTree } from './copy-tree.ts';

function scratch(run: (from: string, to: string) => void): void {
  const directory = mkdtempSync(`${tmpdir()}/davit-copy-`);
  const [from, to] = [`${directory}/from`, `${directory}/to`];
  mkdirSync(from);
  mkdirSync(to);
  try {
    execFileSync('sh', [
      '-ec',
      'cd "$1"; mkdir -p d/sub; echo one > d/one; ln -s one d/link; mkfifo d/pipe; mknod d/null c 1 3; echo cap > d/sub/cap; chown -R 5:6 d/sub; chmod 2755 d/sub; setcap cap_net_raw+ep d/sub/cap',
      'sh',
      from,
    ]);
    run(from, to);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

test("a directory's content with kinds, modes, owners and capabilities", () => {
  scratch((from, to) => {
    const result = copyTree({ from, to, items: [{ source: 'd', target: 'x/y' }] });
    assert.equal(result.files, 5);
    assert.deepEqual(readdirSync(`${to}/x/y`).sort(), ['link', 'null', 'one', 'pipe', 'sub']);
    assert.equal(readlinkSync(`${to}/x/y/link`), 'one');
    assert.ok(lstatSync(`${to}/x/y/pipe`).isFIFO() && lstatSync(`${to}/x/y/null`).isCharacterDevice());
    const sub = lstatSync(`${to}/x/y/sub`);
    assert.deepEqual([sub.mode & 0o7777, sub.uid, sub.gid], [0o2755, 5, 6]);
    assert.match(execFileSync('getcap', [`${to}/x/y/sub/cap`], { encoding: 'utf8' }), /cap_net_raw=ep/);
    const [copy, original] = [
      copyTree({ from: to, items: [{ source: 'x/y', target: '' }] }),
      copyTree({ from, items: [{ source: 'd', target: 'x/y' }] }),
    ];
    assert.ok(copy.seen);
    assert.equal(copy.seen.digest, original.seen?.digest, 'a copy has the same digest');
  });
});

test('owner and mode as asked', () => {
  scratch((from, to) => {
    copyTree({ from, to, items: [{ source: 'd', target: '' }], owner: { uid: 7, gid: 8 }, mode: '640' });
    const stat = lstatSync(`${to}/sub/cap`);
    assert.deepEqual([stat.uid, stat.gid, stat.mode & 0o7777], [7, 8, 0o640]);
    assert.equal(lstatSync(`${to}/link`).uid, 7);
  });
});

test('the digest knows names, modes and data, not times', () => {
  scratch((from) => {
    const digest = (): string | undefined => copyTree({ from, items: [{ source: 'd', target: 'x' }] }).seen?.digest;
    const before = digest();
    utimesSync(`${from}/d/one`, 1, 1);
    assert.equal(digest(), before);
    const changes = ['chmod 600 d/one', 'echo two > d/one', 'mv d/one d/two', 'ln -sfn two d/link', 'setcap -r d/sub/cap', 'chown 1 d/sub'];
    const seen = new Set([before, ...changes.map((change) => (execFileSync('sh', ['-ec', `cd "$1"; ${change}`, 'sh', from]), digest()))]);
    assert.equal(seen.size, changes.length + 1);
  });
});

test('what lies at the target', () => {
  scratch((from, to) => {
    writeFileSync(`${to}/file`, 'old');
    mkdirSync(`${to}/dir`);
    copyTree({ from, to, items: [{ source: 'd/link', target: 'file' }] });
    assert.equal(readFileSync(`${to}/file`, 'utf8'), 'one\n', 'a link that is named itself is followed');
    assert.throws(() => copyTree({ from, to, items: [{ source: 'd/one', target: 'dir' }] }), {
      kind: 'invalid',
      message: /cannot copy to non-directory: dir/,
    });
    assert.throws(() => copyTree({ from, to, items: [{ source: 'd', target: 'file' }] }), { kind: 'invalid', message: /not a directory/ });
    assert.throws(() => copyTree({ from, to, items: [{ source: 'nothing', target: 'x' }] }), { kind: 'notFound' });
  });
});

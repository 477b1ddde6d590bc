import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ignoreLines, parseIgnore } from './ignore.ts';

/** Pattern file, path, ignored? Cases after moby's patternmatcher. */
const cases: readonly (readonly [string, string, boolean])[] = [
  ['**', 'file', true],
  ['**', 'dir/file', true],
  ['**/', 'dir/file', true],
  ['**/**', 'dir/file', true],
  ['dir/**', 'dir/file', true],
  ['dir/**', 'dir/dir2/file', true],
  ['dir/**', 'dirx/file', false],
  ['**/dir', 'dir/file', true],
  ['**/dir', 'a/b/dir', true],
  ['**/dir2/*', 'dir/dir2/file', true],
  ['**/dir2/*', 'dir/dir2', false],
  ['**/*.txt', 'file.txt', true],
  ['**/*.txt', 'd/file.txt', true],
  ['**/*.txt', 'd/file.txt.bak', false],
  ['a**/*.txt', 'a/file.txt', true],
  ['a**/*.txt', 'a/dir/file.txt', true],
  ['a/*.txt', 'a/dir/file.txt', false],
  ['a/[b-d].txt', 'a/c.txt', true],
  ['a/[^b-d].txt', 'a/c.txt', false],
  ['.*', '.foo', true],
  ['.*', 'foo', false],
  ['abc.def', 'abcdef', false],
  ['abc?def', 'abcZdef', true],
  ['abc?def', 'abc/def', false],
  ['a\\*b', 'a*b', true],
  ['a\\*b', 'axb', false],
  ['a+b', 'a+b', true],
  ['a+b', 'aab', false],
  ['a(b)c', 'a(b)c', true],
  ['a{1}', 'a{1}', true],
  ['a$|b', 'a$|b', true],
  ['/abs', 'abs', true],
  ['./rel', 'rel', true],
  ['dir/', 'dir/file', true],
  ['a/../b', 'b', true],
  ['a//b', 'a/b', true],
  ['*\n!keep', 'keep', false],
  ['*\n!keep', 'other', true],
  ['dir\n!dir/keep', 'dir/keep', false],
  ['dir\n!dir/keep', 'dir/x', true],
  ['!keep\n*', 'keep', true],
  ['docs\n!docs/a.md\ndocs/a.md', 'docs/a.md', true],
  ['# comment', '# comment', false],
  ['  spaced  ', 'spaced', true],
  ['', 'x', false],
  ['ünï*', 'ünïcode', true],
];

test('patterns', () => {
  for (const [text, path, wanted] of cases) assert.equal(parseIgnore(ignoreLines(text)).ignores(path), wanted, `${text} : ${path}`);
});

test('bad patterns are named', () => {
  assert.throws(() => ignoreLines('!'), { message: 'illegal exclusion pattern: "!"' });
  assert.throws(() => parseIgnore(['[']), { kind: 'invalid', message: /bad pattern "\["/ });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ignoreLines, parseIgnore } from './ignore.ts';

/** Pattern file, path, ignored? Each form once; the answers are those of moby's patternmatcher. */
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
  ['?', '😀', true],
  ['\uFEFFa', 'a', true],
  ['\n\n \r\na\r\n', 'a', true],
  [' # no comment', '# no comment', true],
  ['\\#a', '#a', true],
  ['! keep\n*', 'keep', true],
  ['*\n! keep', 'keep', false],
  ['.', 'a', false],
  ['/', 'a', false],
  ['*\n!.', 'a', true],
  ['..', 'a', false],
  ['../a', 'a', false],
  ['/../a', 'a', true],
  ['/a/', 'a/b/c', true],
  ['a/.', 'a', true],
  ['**.txt', 'a.txt', true],
  ['**.txt', 'd/a.txt', true],
  ['**.t?t', 'a.txt', false],
  ['**/a', 'xa', false],
  ['a/**/b', 'a/b', true],
  ['a/**/b', 'a/x/y/b/c', true],
  ['a/**/b', 'ab', false],
  ['a**', 'ab/c', true],
  ['a/**', 'a', false],
  ['***', 'a/b', true],
  ['[\\]]', ']', true],
  ['[a\\-z]', '-', true],
  ['[a\\-z]', 'b', false],
  ['[!a]', '!', true],
  ['a[^x]b', 'a/b', true],
  ['a[*]b', 'a*b', false],
  ['a^b', 'a^b', true],
  ['a^b*', 'a^b', false],
  ['a\\ b', 'a b', true],
  ['src\\bin', 'src\\bin', false],
  ['!!a\n*', '!a', true],
  ['*\n!!a', '!a', false],
  ['*\n/!a', 'a', false],
];

test('patterns', () => {
  for (const [text, path, wanted] of cases) assert.equal(parseIgnore(ignoreLines(text)).ignores(path), wanted, `${text} : ${path}`);
});

/** What a directory lets through, its content does not ask again: older dockerd answers some of these the other way round. */
const parents: typeof cases = [
  ['a/b\n!a', 'a/b', true],
  ['**/x-a\n!dir', 'dir/x-a', true],
  ['**/x-a\n!dir', 'dir/y', false],
  ['dir\n**/x-a\n!dir', 'dir/x-a', false],
  ['*\n!src\nsrc/*\n!src/lib', 'src/lib/deep/file', false],
  ['*\n!src\nsrc/*\n!src/lib', 'src/other', true],
  ['*\n!**/*.go', 'a/b/c.go', false],
  ['*\n!**/*.go\n**/vendor', 'a/vendor/c.go', false],
];

test('patterns of a directory and its content', () => {
  for (const [text, path, wanted] of parents) assert.equal(parseIgnore(ignoreLines(text)).ignores(path), wanted, `${text} : ${path}`);
});

test('a directory is walked only where something below may come back', () => {
  const may = (text: string, directory: string): boolean => parseIgnore(ignoreLines(text)).mayBringBack(directory);
  assert.equal(may('node_modules\n!Dockerfile\n!docker/x.Dockerfile', 'node_modules'), false);
  assert.equal(may('docker\n!docker/x.Dockerfile', 'docker'), true);
  assert.equal(may('docker\n!docker2/x', 'docker'), false);
  assert.equal(may('a\n!a', 'a'), false, 'the directory itself');
  for (const wild of ['!*', '!**/x', '!a?/b', '![a]/b', '!\\a/b']) assert.equal(may(`a\n${wild}`, 'a'), true, wild);
});

test('bad patterns are named', () => {
  for (const bad of ['[]a]', '[a-]', '[^]', '[z-a]', 'a\\', 'a/*\\', '[a-\\d]', 'a\\y'])
    assert.throws(() => parseIgnore(ignoreLines(bad)), { kind: 'invalid', message: `bad pattern "${bad}": syntax error in pattern` });
  for (const bad of ['! ', '!/', '/!'])
    assert.throws(() => parseIgnore(ignoreLines(bad)), { message: 'illegal exclusion pattern: "!"' }, bad);
  assert.throws(() => parseIgnore(ignoreLines('!')), { message: 'illegal exclusion pattern: "!"' });
  assert.throws(() => parseIgnore(['[']), { kind: 'invalid', message: /bad pattern "\["/ });
});

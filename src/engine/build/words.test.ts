import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expand, expandWords, splitWords } from './words.ts';

const variables: Readonly<Record<string, string>> = { a: 'A', empty: '', path: '/usr/local/bin', words: 'x y', n: 'foo.tar.gz' };
const lookup = (name: string): string | undefined => variables[name];

test('expansion, as a shell does it', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['$a', 'A'],
    ['${a}b', 'Ab'],
    ['$ab', ''],
    ['$a-$a', 'A-A'],
    ['\\$a', '$a'],
    ["'$a'", '$a'],
    ['"$a"', 'A'],
    ['"\\$a"', '$a'],
    ['"a\\b"', 'a\\b'],
    ['a\\ b', 'a b'],
    ['${none:-d}', 'd'],
    ['${empty:-d}', 'd'],
    ['${empty-d}', ''],
    ['${none-d}', 'd'],
    ['${a:-d}', 'A'],
    ['${a:+o}', 'o'],
    ['${empty:+o}', ''],
    ['${empty+o}', 'o'],
    ['${none:+o}', ''],
    ['${none:-${a}x}', 'Ax'],
    ['${none:-"q r"}', 'q r'],
    ['${path##*/}', 'bin'],
    ['${path#*/}', 'usr/local/bin'],
    ['${n%.*}', 'foo.tar'],
    ['${n%%.*}', 'foo'],
    ['${path/local/x}', '/usr/x/bin'],
    ['${path//\\//-}', '-usr-local-bin'],
    ['$', '$'],
    ['a$', 'a$'],
    ['$(x)', '$(x)'],
    ['${a:?m}', 'A'],
  ];
  for (const [text, wanted] of cases) assert.equal(expand(text, lookup), wanted, text);
});

test('expansion errors', () => {
  for (const text of ['"open', "'open", '${a', '${', '${a!b}']) assert.throws(() => expand(text, lookup), { kind: 'invalid' }, text);
  assert.throws(() => expand('${none:?is missing}', lookup), { message: 'none: is missing' });
});

test('splitting', () => {
  assert.deepEqual(splitWords('a="b c" d\\ e  \'f g\''), ['a="b c"', 'd\\ e', "'f g'"]);
  assert.deepEqual(expandWords('$words "$words" $empty', lookup), ['x', 'y', 'x', 'y']);
});

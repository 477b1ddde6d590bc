import assert from 'node:assert/strict';
import { test } from 'node:test';
import { expand, expandWords, fields, splitWords } from './words.ts';

const variables: Readonly<Record<string, string>> = {
  a: 'A',
  empty: '',
  path: '/usr/local/bin',
  words: 'x y',
  n: 'foo.tar.gz',
  ä: 'umlaut',
};
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
    ['${empty?m}', ''],
    ['$$$?$!$-$#x', 'x'],
    ['${#}${?}', ''],
    ['$12x', 'x'],
    ['$ä', 'umlaut'],
    ['a\\', 'a'],
    ["'a\\'", 'a\\'],
    ['${none:-$none}', ''],
    ['${none:-${empty:-${a}}}', 'A'],
    ["${none:-'$a'}", '$a'],
    ['${none:-a\\}b}', 'a}b'],
    ['${path#/}', 'usr/local/bin'],
    ['${path#x}', '/usr/local/bin'],
    ['${path#/*/}', 'local/bin'],
    ['${path##/*/}', 'bin'],
    ['${path%/*}', '/usr/local'],
    ['${path%%/*}', ''],
    ['${path%?in}', '/usr/local/'],
    ['${path/\\//}', 'usr/local/bin'],
    ['${path//l*l/}', '/usr//bin'],
    ['${path/$a/x}', '/usr/local/bin'],
    ['${none/x/y}', ''],
    ['${n//./\\-}', 'foo\\-tar\\-gz'],
  ];
  for (const [text, wanted] of cases) assert.equal(expand(text, lookup), wanted, text);
});

test('expansion errors', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['"open', 'unexpected end of statement while looking for matching double-quote'],
    ["'open", 'unexpected end of statement while looking for matching single-quote'],
    ['${a', "syntax error: missing '}'"],
    ['${', "syntax error: missing '}'"],
    ['${a:-b', "syntax error: missing '}'"],
    ['${}', 'syntax error: bad substitution'],
    ['${{a}}', 'syntax error: bad substitution'],
    ['${:-a}', 'syntax error: bad substitution'],
    ['${a!b}', 'unsupported modifier (!) in substitution'],
    ['${a:x}', 'unsupported modifier (:x) in substitution'],
    ['${a/b}', "syntax error: missing '/' in ${}"],
    ['${a/b/c', "syntax error: missing '}'"],
    ['${a#\\b}', "invalid pattern (\\b) in substitution: invalid escape '\\b'"],
    ['${none:?is missing}', 'none: is missing'],
    ['${none?}', 'none: is not allowed to be unset'],
    ['${none:?}', 'none: is not allowed to be unset'],
    ['${empty:?}', 'empty: is not allowed to be empty'],
  ];
  for (const [text, message] of cases)
    assert.throws(() => expand(text, lookup), { kind: 'invalid', message: `failed to process ${JSON.stringify(text)}: ${message}` }, text);
});

test('the other escape token', () => {
  assert.equal(expand('`$a \\$a "`$a" `', lookup, '`'), '$a \\A $a ');
});

test('splitting, by words and by white space alone', () => {
  assert.deepEqual(splitWords('a="b c" d\\ e  \'f g\''), ['a="b c"', 'd\\ e', "'f g'"]);
  assert.deepEqual(expandWords('$words "$words" $empty', lookup), ['x', 'y', 'x', 'y']);
  assert.deepEqual(fields(' a  "b\tc" d\\ e '), ['a', '"b', 'c"', 'd\\', 'e']);
});

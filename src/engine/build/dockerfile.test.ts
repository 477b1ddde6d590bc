import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDockerfile } from './dockerfile.ts';

const shape = (text: string): readonly unknown[] =>
  parseDockerfile(text).instructions.map(({ line, keyword, rest, json, flags }) => [line, keyword, rest, json, flags]);

test('lines, comments, continuations, flags, JSON form', () => {
  const cases: readonly (readonly [string, readonly unknown[]])[] = [
    ['FROM a', [[1, 'FROM', 'a', undefined, {}]]],
    ['\uFEFF# c\n\nfrom a as b # no comment', [[3, 'FROM', 'a as b # no comment', undefined, {}]]],
    [
      'FROM a\nRUN x \\\n  # comment\n\n  y \\  \n z\nCMD',
      [
        [1, 'FROM', 'a', undefined, {}],
        [2, 'RUN', 'x   y  z', undefined, {}],
        [7, 'CMD', '', undefined, {}],
      ],
    ],
    ['CMD ["a", "b c"]', [[1, 'CMD', '["a", "b c"]', ['a', 'b c'], {}]]],
    ["CMD ['a']", [[1, 'CMD', "['a']", undefined, {}]]],
    ['RUN [ -f x ]', [[1, 'RUN', '[ -f x ]', undefined, {}]]],
    ['COPY --from=a --chown=1:2 b /c', [[1, 'COPY', 'b /c', undefined, { from: 'a', chown: '1:2' }]]],
    ['COPY --link b /c', [[1, 'COPY', 'b /c', undefined, { link: 'true' }]]],
    ['ENV -- --x=1', [[1, 'ENV', '--x=1', undefined, {}]]],
    [
      'RUN a \\\\\nCMD b',
      [
        [1, 'RUN', 'a \\\\', undefined, {}],
        [2, 'CMD', 'b', undefined, {}],
      ],
    ],
    ['RUN \\\n  \\\n# c\n\n\n  x \\', [[1, 'RUN', 'x', undefined, {}]]],
    ['CMD []', [[1, 'CMD', '[]', [], {}]]],
    ['CMD ["a"] b', [[1, 'CMD', '["a"] b', undefined, {}]]],
    ['VOLUME [ "a b" ]', [[1, 'VOLUME', '[ "a b" ]', ['a b'], {}]]],
    [
      '# escape=`\nFROM a\nRUN x `\ny\\',
      [
        [2, 'FROM', 'a', undefined, {}],
        [3, 'RUN', 'x y\\', undefined, {}],
      ],
    ],
    ['RUN echo a \\', [[1, 'RUN', 'echo a', undefined, {}]]],
    [
      'FROM a\r\nRUN b\r\n',
      [
        [1, 'FROM', 'a', undefined, {}],
        [2, 'RUN', 'b', undefined, {}],
      ],
    ],
  ];
  for (const [text, wanted] of cases) assert.deepEqual(shape(text), wanted, text);
});

test('here-documents belong to their instruction', () => {
  const [run, copy, next] = parseDockerfile("RUN <<EOF cat\none\nEOF\nCOPY <<-'A' <<B /d/\n\ttab $x\n\tA\nb\nB\nCMD x").instructions;
  assert.deepEqual(run?.heredocs, [{ name: 'EOF', content: 'one\n', expands: true }]);
  assert.deepEqual(copy?.heredocs, [
    { name: 'A', content: 'tab $x\n', expands: false },
    { name: 'B', content: 'b\n', expands: true },
  ]);
  assert.deepEqual([next?.keyword, next?.line], ['CMD', 9]);
});

test('errors name the line', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['FROM a\n\nRUNN x', 'dockerfile parse error on line 3: unknown instruction: RUNN (did you mean RUN?)'],
    ['FROM a\nFOO x', 'dockerfile parse error on line 2: unknown instruction: FOO'],
    ['FROM', 'dockerfile parse error on line 1: FROM requires either one or three arguments'],
    ['FROM a\nRUN', 'dockerfile parse error on line 2: RUN requires at least one argument'],
    ['FROM a\nWORKDIR', 'dockerfile parse error on line 2: WORKDIR requires exactly one argument'],
    ['COPY --from=a --from=b c d', 'dockerfile parse error on line 1: Duplicate flag specified: from'],
    ['ENV --x=1', 'dockerfile parse error on line 1: unknown flag: --x'],
    ['CMD --help', 'dockerfile parse error on line 1: unknown flag: --help'],
    ['RUN ["a", 1]', 'dockerfile parse error on line 1: when using JSON array syntax, arrays must be comprised of strings only'],
    ['COPY [["a"], "b"]', 'dockerfile parse error on line 1: when using JSON array syntax, arrays must be comprised of strings only'],
    ['RUN <<E\nx', 'dockerfile parse error on line 1: unterminated heredoc: no line E'],
    ['# just a comment\n', 'file with no instructions'],
  ];
  for (const [text, message] of cases) assert.throws(() => parseDockerfile(text), { kind: 'invalid', message }, text);
});

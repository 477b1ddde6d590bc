/** The grammar against another implementation (dockerfile-ast), on generated Dockerfiles. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DockerfileParser } from 'dockerfile-ast';
import * as fc from 'fast-check';
import { parseDockerfile } from './dockerfile.ts';

const word = fc.stringMatching(/^[a-z0-9./=_-]{1,8}$/).filter((text) => !text.startsWith('-'));
const words = fc.array(word, { minLength: 1, maxLength: 4 }).map((all) => all.join(' '));
const gap = fc.constantFrom(' ', '  ', '\t', ' \\\n  ', ' \\ \n', ' \\\n# in between\n ', ' \\\n\n  ');
const flag = fc.constantFrom('--from=x', '--chown=1:2', '--chmod=644');

const instruction = fc.oneof(
  fc
    .tuple(fc.constantFrom('RUN', 'run', 'CMD', 'ENTRYPOINT', 'LABEL', 'EXPOSE', 'VOLUME', 'ARG', 'USER'), gap, words)
    .map((parts) => parts.join('')),
  fc
    .tuple(fc.uniqueArray(flag, { maxLength: 3 }), gap, words, words)
    .map(([flags, between, source, target]) => ['COPY', ...flags].join(' ') + between + source + between + target),
  fc.array(word, { minLength: 1, maxLength: 3 }).map((all) => `CMD ${JSON.stringify(all)}`),
  fc.tuple(word, words).map(([name, value]) => `ENV x${name.replaceAll('=', '')}=${value.split(' ')[0]}`),
);
const filler = fc.constantFrom('', '# a comment', '   ', '  # indented');
const file = fc.array(fc.oneof(instruction, filler), { maxLength: 8 }).map((lines) => ['FROM busybox', ...lines].join('\n'));

test('instructions, where they stand, and their flags, as dockerfile-ast has them', () => {
  fc.assert(
    fc.property(file, (text) => {
      const ours = parseDockerfile(text).instructions.map(({ line, keyword, flags }) => ({ line, keyword, flags }));
      const theirs = DockerfileParser.parse(text)
        .getInstructions()
        .map((each) => ({
          line: each.getRange().start.line + 1,
          keyword: each.getKeyword(),
          flags: Object.fromEntries(
            ('getFlags' in each ? (each as { getFlags(): { getName(): string; getValue(): string }[] }).getFlags() : []).map((one) => [
              one.getName(),
              one.getValue(),
            ]),
          ),
        }));
      assert.deepEqual(ours, theirs, text);
    }),
    { numRuns: 300 },
  );
});

test('arguments of the JSON form, as dockerfile-ast has them', () => {
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 4 }), gap, (all, between) => {
      const text = `FROM x\nCMD${between}${JSON.stringify(all)}`;
      const cmd = DockerfileParser.parse(text).getCMDs()[0];
      assert.deepEqual(
        parseDockerfile(text).instructions[1]?.json,
        cmd?.getJSONStrings().map((each) => each.getJSONValue()),
      );
    }),
    { numRuns: 100 },
  );
});

test('whatever the text, the answer is a parse or an error that names a line', () => {
  const soup = fc.array(
    fc.constantFrom(
      'FROM x',
      'RUN',
      '<<EOF',
      'EOF',
      '\\',
      '\n',
      '`',
      '--mount=',
      '"',
      "'",
      ' ',
      '[',
      ']',
      '$',
      '# escape=`',
      'COPY',
      'ONBUILD',
      'é',
    ),
    { maxLength: 30 },
  );
  fc.assert(
    fc.property(soup, (pieces) => {
      try {
        parseDockerfile(pieces.join(''));
      } catch (error) {
        assert.match(String(error), /line \d+: |file with no instructions/);
      }
    }),
    { numRuns: 500 },
  );
});

/** .dockerignore against moby's own matcher (recorded), and @balena/dockerignore where both agree: on patterns without exceptions. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { createRequire } from 'node:module';
import type { Ignore } from '@balena/dockerignore';
import * as fc from 'fast-check';
import { ignoreLines, parseIgnore } from './ignore.ts';

// Its types describe an ES module, which it is not.
const dockerIgnore = createRequire(import.meta.url)('@balena/dockerignore') as (options: { readonly ignorecase: boolean }) => Ignore;

type Vector = readonly [text: string, ignored: readonly string[], kept: readonly string[]] | readonly [text: string, what: 'refused'];

test('what is ignored, as github.com/moby/patternmatcher 0.5.0 answered for 400 random files, from the root down', () => {
  const vectors = JSON.parse(readFileSync(`${import.meta.dirname}/ignore.vectors.json`, 'utf8')) as readonly Vector[];
  for (const vector of vectors) {
    const [text] = vector;
    if (vector[1] === 'refused') {
      assert.throws(() => parseIgnore(ignoreLines(text)), { kind: 'invalid' }, JSON.stringify(text));
      continue;
    }
    const ignore = parseIgnore(ignoreLines(text));
    for (const path of vector[1]) assert.equal(ignore.ignores(path), true, JSON.stringify([text, path]));
    for (const path of vector[2] ?? []) assert.equal(ignore.ignores(path), false, JSON.stringify([text, path]));
  }
});

const name = fc.constantFrom('a', 'b', 'ab', 'a.txt', 'b.log', '.env', 'src', 'x-y');
const part = fc.oneof(name, fc.constantFrom('*', '?', '**', '*.txt', 'a*', '[ab]', '.*'));
const pattern = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join('/'));
const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/'));

test('what is ignored, as @balena/dockerignore has it', () => {
  fc.assert(
    fc.property(fc.array(pattern, { minLength: 1, maxLength: 4 }), path, (patterns, given) => {
      const ours = parseIgnore(ignoreLines(patterns.join('\n'))).ignores(given);
      const theirs = dockerIgnore({ ignorecase: false })
        .add([...patterns])
        .ignores(given);
      assert.equal(ours, theirs, `${patterns.join(' ')} : ${given}`);
    }),
    { numRuns: 1000 },
  );
});

test('the order in which paths are asked for changes nothing', () => {
  const exception = fc.tuple(fc.boolean(), pattern).map(([isException, text]) => `${isException ? '!' : ''}${text}`);
  fc.assert(
    fc.property(fc.array(exception, { minLength: 1, maxLength: 5 }), fc.array(path, { minLength: 1, maxLength: 6 }), (lines, paths) => {
      const shared = parseIgnore(lines);
      for (const given of paths) assert.equal(shared.ignores(given), parseIgnore(lines).ignores(given), `${lines.join(' ')} : ${given}`);
    }),
    { numRuns: 300 },
  );
});

test('below a directory that is not walked nothing would have come back', () => {
  const line = fc.tuple(fc.boolean(), fc.oneof(pattern, path)).map(([isException, text]) => `${isException ? '!' : ''}${text}`);
  fc.assert(
    fc.property(fc.array(line, { minLength: 1, maxLength: 5 }), path, path, (lines, directory, below) => {
      const ignore = parseIgnore(lines);
      if (!ignore.ignores(directory) || ignore.mayBringBack(directory)) return;
      assert.equal(ignore.ignores(`${directory}/${below}`), true, `${lines.join(' ')} : ${directory}/${below}`);
    }),
    { numRuns: 2000 },
  );
});

/** .dockerignore against @balena/dockerignore, on generated patterns and paths. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRequire } from 'node:module';
import type { Ignore } from '@balena/dockerignore';
import * as fc from 'fast-check';
import { ignoreLines, parseIgnore } from './ignore.ts';

// Its types describe an ES module, which it is not.
const dockerIgnore = createRequire(import.meta.url)('@balena/dockerignore') as (options: { readonly ignorecase: boolean }) => Ignore;

const name = fc.constantFrom('a', 'b', 'ab', 'a.txt', 'b.log', '.env', 'src', 'x-y');
const part = fc.oneof(name, fc.constantFrom('*', '?', '**', '*.txt', 'a*', '[ab]', '.*'));
const pattern = fc
  .tuple(fc.boolean(), fc.array(part, { minLength: 1, maxLength: 3 }))
  .map(([isException, parts]) => `${isException ? '!' : ''}${parts.join('/')}`);
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

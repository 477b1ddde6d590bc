import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DetachFilter, parseDetachKeys } from './detach-keys.ts';

test('keys by name', () => {
  assert.deepEqual([...parseDetachKeys('')], [16, 17]);
  assert.deepEqual([...parseDetachKeys('a,ctrl-[,ctrl-@')], [97, 27, 0]);
  assert.throws(() => parseDetachKeys('ctrl-1'), { kind: 'invalid', message: /Invalid escape keys/ });
});

const typed: readonly (readonly [title: string, chunks: readonly string[], passed: string, isDetached: boolean])[] = [
  ['nothing special', ['hello'], 'hello', false],
  ['the sequence at once', ['ab\u0010\u0011'], 'ab', true],
  ['the sequence in two pieces', ['ab\u0010', '\u0011rest'], 'ab', true],
  ['a false start is passed on', ['\u0010', 'x'], '\u0010x', false],
  ['a false start, then the sequence', ['\u0010\u0010\u0011'], '\u0010', true],
];

for (const [title, chunks, passed, isDetached] of typed) {
  test(title, () => {
    const filter = new DetachFilter(parseDetachKeys(undefined));
    let through = '';
    let left = false;
    for (const chunk of chunks) {
      if (left) break;
      const result = filter.feed(Buffer.from(chunk));
      through += Buffer.from(result.pass).toString();
      left = result.isDetached;
    }
    assert.deepEqual([through, left], [passed, isDetached]);
  });
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDockerfile } from './dockerfile.ts';
import { planStages } from './stages.ts';

function plan(text: string, args: Readonly<Record<string, string>> = {}, target?: string) {
  return planStages(parseDockerfile(text), args, target, (name) => (name === 'TARGETARCH' ? 'amd64' : undefined));
}

test('only what the target needs is built', () => {
  const text = 'FROM x AS a\nFROM a AS b\nFROM y AS c\nFROM z\nCOPY --from=B f /\nCOPY --from=nginx f /';
  assert.deepEqual([...plan(text).needed].sort(), [0, 1, 3]);
  assert.deepEqual([...plan(text, {}, 'c').needed], [2]);
  assert.deepEqual([...plan('FROM x\nFROM y\nFROM z\nCOPY --from=0 a b').needed].sort(), [0, 2]);
  assert.throws(() => plan(text, {}, 'nope'), { kind: 'invalid', message: 'failed to reach build target nope in Dockerfile' });
});

test('arguments before FROM', () => {
  const text = 'ARG V=1\nARG I=img:$V\nFROM ${I}-$TARGETARCH';
  assert.equal(plan(text).target.base, 'img:1-amd64');
  assert.equal(plan(text, { V: '2' }).target.base, 'img:2-amd64');
  assert.equal(plan('FROM i-$TARGETARCH', { TARGETARCH: 'other' }).target.base, 'i-other', 'predefined ones can be given');
  assert.equal(plan('FROM x AS a\nFROM i-$TARGETSTAGE AS Last').target.base, 'i-last');
  assert.equal(plan('FROM i-$TARGETSTAGE AS a\nFROM x AS b', {}, 'a').target.base, 'i-a');
  assert.throws(() => plan('FROM $NOPE'), { message: 'dockerfile parse error on line 1: base name ($NOPE) should not be blank' });
  assert.throws(() => plan('FROM a b'), { message: 'dockerfile parse error on line 1: FROM requires either one or three arguments' });
  assert.throws(() => plan('ARG a\nRUN x\nFROM a'), { message: /^dockerfile parse error on line 2: no build stage in current context/ });
});

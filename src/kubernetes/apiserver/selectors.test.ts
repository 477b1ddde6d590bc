import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fieldMatcher, labelMatcher } from './selectors.ts';

const labels = { app: 'web', tier: 'front', 'example.com/size': '3' };
const rows: readonly [string, boolean][] = [
  ['app=web', true],
  ['app==web,tier!=back', true],
  ['app in (web, api)', true],
  ['app notin (web)', false],
  ['missing notin (web)', true],
  ['missing!=x', true],
  ['app', true],
  ['!app', false],
  ['!missing', true],
  ['example.com/size>2', true],
  ['example.com/size<2', false],
  ['app in (web),tier in (back,front),!gone', true],
  ['app=', false],
];

test('label selectors', () => {
  for (const [selector, expected] of rows) assert.equal(labelMatcher(selector)?.(labels), expected, selector);
  assert.equal(labelMatcher(''), undefined);
  assert.throws(() => labelMatcher('app=a b'), /unable to parse requirement/);
});

test('field selectors', () => {
  const matches = fieldMatcher('metadata.name=a,status.phase!=Running', 'v1, Kind=Pod', ['metadata.name', 'status.phase']);
  assert.equal(matches?.({ 'metadata.name': 'a', 'status.phase': 'Pending' }), true);
  assert.equal(matches?.({ 'metadata.name': 'a', 'status.phase': 'Running' }), false);
  assert.throws(() => fieldMatcher('spec.x=1', 'v1, Kind=Pod', []), /field label not supported: spec\.x/);
});

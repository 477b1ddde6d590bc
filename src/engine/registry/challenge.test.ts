import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseChallenge, type Challenge } from './challenge.ts';

const cases: readonly (readonly [header: string, challenge: Challenge | undefined])[] = [
  ['Basic realm="Registry Realm"', { scheme: 'basic' }],
  [
    'Bearer realm="https://a.b/token",service="r.b",scope="repository:x/y:pull,push repository:z:pull"',
    { scheme: 'bearer', realm: 'https://a.b/token', service: 'r.b', scopes: ['repository:x/y:pull,push', 'repository:z:pull'] },
  ],
  ['bearer Realm=x', undefined],
  ['BEARER realm=https://a/t, service=s', { scheme: 'bearer', realm: 'https://a/t', service: 's', scopes: [] }],
  ['Digest realm="x"', undefined],
  ['', undefined],
];

for (const [header, challenge] of cases)
  test(`challenge: ${header || 'nothing'}`, () => assert.deepEqual(parseChallenge(header), challenge));

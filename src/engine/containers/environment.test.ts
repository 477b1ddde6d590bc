import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mergeEnvironment, processEnvironment } from './environment.ts';
import { generateName, isValidName } from './names.ts';

test('later wins in place, a bare key removes', () => {
  assert.deepEqual(mergeEnvironment(['A=1', 'B=2'], ['A=3', 'B', 'C=x=y']), ['A=3', 'C=x=y']);
});

test('PATH, HOSTNAME, TERM and HOME are given unless the container says otherwise', () => {
  const options = { hostname: 'h', tty: true, home: '/home/app' };
  assert.deepEqual(processEnvironment(['X=1'], options), [
    'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
    'HOSTNAME=h',
    'TERM=xterm',
    'X=1',
    'HOME=/home/app',
  ]);
  assert.deepEqual(processEnvironment(['PATH=/bin', 'HOME=/'], { ...options, tty: false }), ['PATH=/bin', 'HOSTNAME=h', 'HOME=/']);
});

test('generated names are valid and avoid what is taken', () => {
  const first = generateName(() => false);
  assert.match(first, /^[a-z]+_[a-z]+$/);
  let asked = 0;
  const later = generateName(() => asked++ < 8);
  assert.match(later, /^[a-z]+_[a-z]+\d+$/);
  assert.ok(isValidName(first));
  assert.ok(!isValidName('-x'));
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { MountPoint } from '../../kernel/mounts.ts';
import { checkPropagation } from './check-propagation.ts';
import type { ResolvedMount } from './container.ts';

const at = (target: string, ...propagation: readonly string[]): MountPoint => ({
  id: 1,
  type: 'ext4',
  source: '/dev/vda',
  root: '/',
  options: [],
  target,
  propagation,
});
const host = [at('/'), at('/shared', 'shared:1'), at('/slave', 'master:1'), at('/over', 'shared:2'), at('/over')];
const bind = (source: string, propagation: string): readonly ResolvedMount[] => [
  { type: 'bind', source, target: '/in', readOnly: false, propagation },
];

const refusals: readonly (readonly [source: string, propagation: string, message: string])[] = [
  ['/a', 'shared', 'path /a is mounted on / but it is not a shared mount'],
  ['/a', 'rslave', 'path /a is mounted on / but it is not a shared or slave mount'],
  ['/slave/x', 'rshared', 'path /slave/x is mounted on /slave but it is not a shared mount'],
  ['/sharedness', 'shared', 'path /sharedness is mounted on / but it is not a shared mount'],
  ['/over/x', 'shared', 'path /over/x is mounted on /over but it is not a shared mount'],
];

for (const [source, propagation, message] of refusals) {
  test(`${propagation} of ${source} is refused`, () => {
    assert.throws(() => checkPropagation(bind(source, propagation), () => host), { kind: 'invalid', message });
  });
}

test('what is shared may be shared, what is shared or a slave may be a slave, all may be private', () => {
  checkPropagation(
    [...bind('/shared/x', 'rshared'), ...bind('/shared', 'slave'), ...bind('/slave', 'rslave'), ...bind('/a', 'rprivate')],
    () => host,
  );
  checkPropagation(
    bind('/link', 'shared'),
    () => host,
    () => '/shared/x',
  );
});

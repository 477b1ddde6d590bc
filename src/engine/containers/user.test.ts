import assert from 'node:assert/strict';
import { test } from 'node:test';
import { resolveUser } from './user.ts';

const files = {
  passwd: 'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001::/home/app:/bin/sh\n# comment\n12:x:99:99::/n:\n',
  group: 'root:x:0:\nstaff:x:50:app,root\napps:x:1001:\naudio:x:29:app\n',
};

test('users and groups by name and number', () => {
  const cases = [
    ['', 0, 0, [0, 50], '/root'],
    ['app', 1000, 1001, [1001, 50, 29], '/home/app'],
    ['1000', 1000, 1001, [1001, 50, 29], '/home/app'],
    ['app:staff', 1000, 50, [50], '/home/app'],
    ['app:0', 1000, 0, [0], '/home/app'],
    ['4242', 4242, 0, [0], '/'],
    ['4242:77', 4242, 77, [77], '/'],
    ['12', 99, 99, [99], '/n'],
  ] as const;
  for (const [user, uid, gid, additionalGids, home] of cases)
    assert.deepEqual(resolveUser(user, files), { uid, gid, additionalGids, home }, user);
});

test('unknown names are refused, groups are added', () => {
  assert.throws(() => resolveUser('nobody', files), /unable to find user nobody: no matching entries in passwd file/);
  assert.throws(() => resolveUser('app:x', files), /unable to find group x: no matching entries in group file/);
  assert.deepEqual(resolveUser('4242', files, ['audio', '7']).additionalGids, [0, 29, 7]);
});

test('an image without the files still runs as root', () => {
  assert.deepEqual(resolveUser('', { passwd: '', group: '' }), { uid: 0, gid: 0, additionalGids: [0], home: '/' });
});

import assert from 'node:assert/strict';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { appContainer } from '../pod/pod.fake.ts';
import { containerMounts } from './container-mounts.ts';

test('mounts name their volume and sub path; a link out of the volume is refused', async () => {
  const path = await mkdtemp(join(tmpdir(), 'volume-'));
  try {
    const volumes = new Map([['v', { path, readOnly: false }]]);
    const mounts = (mount: object) =>
      containerMounts(appContainer({ volumeMounts: [{ name: 'v', mountPath: '/data', ...mount }] }), volumes, new Map([['POD', 'web-0']]));
    assert.deepEqual(await mounts({ readOnly: true }), [{ type: 'bind', source: path, target: '/data', readOnly: true }]);
    const [inside] = await mounts({ subPathExpr: 'logs/$(POD)' });
    assert.equal(inside?.type === 'bind' && inside.source, join(path, 'logs/web-0'));
    await symlink('/etc', join(path, 'out'));
    await assert.rejects(mounts({ subPath: 'out' }), /leads out of its volume/);
    await assert.rejects(mounts({ subPath: '../x' }), /must be relative/);
    await assert.rejects(mounts({ name: 'other' }), /cannot find volume "other"/);
  } finally {
    await rm(path, { recursive: true });
  }
});

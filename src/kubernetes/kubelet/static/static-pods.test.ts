import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { eventually } from '../../../../test/support/eventually.ts';
import { nodes, pods } from '../../../api/kubernetes/kinds.ts';
import type { Pod } from '../../../api/kubernetes/types.generated.ts';
import { isKind } from '../../../base/errors.ts';
import { silentLog } from '../../../base/log.ts';
import { FakeClient } from '../../client/client.fake.ts';
import { isMirror } from './manifest.ts';
import { StaticPods } from './static-pods.ts';

const key = 'default/web-n1';
const place = { namespace: 'default', name: 'web-n1' };
const manifest = (image: string): string =>
  JSON.stringify({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'web' }, spec: { containers: [{ name: 'app', image }] } });

test('a file is a pod with a mirror, which comes back when it is deleted, changes with the file and goes with it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'manifests-'));
  const client = new FakeClient();
  await client.create(nodes, { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n1' } });
  let shown: Pod | undefined;
  const seen = async (): Promise<Pod | undefined> => {
    shown = await client.get(pods, place).catch((error: unknown) => {
      if (isKind(error, 'notFound')) return undefined;
      throw error;
    });
    return shown;
  };
  const changes: string[] = [];
  const options = { folder, nodeName: 'n1', client, shown: () => shown, log: silentLog };
  using statics = new StaticPods({ ...options, changed: (changed) => changes.push(changed) });
  await writeFile(join(folder, 'web.json'), manifest('busybox:1'));
  await writeFile(join(folder, 'broken.yaml'), 'a: [');
  await statics.start();
  assert.deepEqual(statics.keys(), [key]);
  const uid = statics.pod(key)?.metadata.uid;

  await statics.mirror(key);
  const first = await seen();
  assert(first && isMirror(first));
  assert.notEqual(first.metadata.uid, uid);
  assert.deepEqual([statics.pod(key)?.metadata.uid, statics.shownUid({ ...first })], [uid, first.metadata.uid]);
  await statics.mirror(key);
  assert.equal((await seen())?.metadata.uid, first.metadata.uid, 'what is right is left alone');

  await client.delete(pods, place, { gracePeriodSeconds: 0 });
  await seen();
  await statics.mirror(key);
  assert.notEqual((await seen())?.metadata.uid, first.metadata.uid);

  await writeFile(join(folder, 'web.json'), manifest('busybox:2'));
  await eventually(async () => assert.notEqual(statics.pod(key)?.metadata.uid, uid), { withinMs: 5000 });
  await statics.mirror(key);
  assert.equal((await seen())?.spec?.containers[0]?.image, 'busybox:2');

  await rm(join(folder, 'web.json'));
  await eventually(async () => assert.equal(statics.pod(key), undefined, 'a mirror alone is nothing to run'), { withinMs: 5000 });
  await statics.mirror(key);
  assert.equal(await seen(), undefined);
  assert(changes.length >= 3, changes.join());
  await rm(folder, { recursive: true });
});

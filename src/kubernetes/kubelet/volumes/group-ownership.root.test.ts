import assert from 'node:assert/strict';
import { chmod, lstat, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, test } from 'node:test';
import { fakeKernel } from '../../../kernel/kernel.fake.ts';
import { ownByGroup } from './group-ownership.ts';
import { PodVolumes } from './volumes.ts';

let root: string;
let outside: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'owned-'));
  outside = await mkdtemp(join(tmpdir(), 'outside-'));
  await chmod(root, 0o755);
  await mkdir(join(root, 'folder'), { mode: 0o700 });
  await writeFile(join(root, 'folder/file'), '', { mode: 0o600 });
  await chmod(join(root, 'folder'), 0o700);
  await writeFile(join(outside, 'secret'), '', { mode: 0o600 });
  await symlink(join(outside, 'secret'), join(root, 'link'));
  await symlink(outside, join(root, 'folder/link'));
});

afterEach(async () => {
  await rm(root, { recursive: true });
  await rm(outside, { recursive: true });
});

const facts = async (path: string): Promise<string> => {
  const { gid, mode } = await lstat(path);
  return `${gid} ${(mode & 0o7777).toString(8)}`;
};

test('all of a volume belongs to the group, which may write and keeps what is made later', async () => {
  await ownByGroup(root, { gid: 2000, readOnly: false, onRootMismatch: false });
  assert.equal(await facts(root), '2000 2775');
  assert.equal(await facts(join(root, 'folder')), '2000 2770');
  assert.equal(await facts(join(root, 'folder/file')), '2000 660');
});

test('what is mounted read-only is made readable', async () => {
  await ownByGroup(root, { gid: 2000, readOnly: true, onRootMismatch: false });
  assert.equal(await facts(join(root, 'folder')), '2000 2750');
  assert.equal(await facts(join(root, 'folder/file')), '2000 640');
});

test('a link belongs to the group, what it leads to does not', async () => {
  await ownByGroup(root, { gid: 2000, readOnly: false, onRootMismatch: false });
  assert.equal((await lstat(join(root, 'link'))).gid, 2000);
  assert.equal(await facts(join(outside, 'secret')), '0 600');
  assert.equal(await facts(outside), '0 700');
});

test('OnRootMismatch looks at the top only; Always puts right what somebody changed', async () => {
  const wanted = { gid: 2000, readOnly: false };
  await ownByGroup(root, { ...wanted, onRootMismatch: true });
  await chmod(join(root, 'folder/file'), 0o600);
  await ownByGroup(root, { ...wanted, onRootMismatch: true });
  assert.equal(await facts(join(root, 'folder/file')), '2000 600');
  await ownByGroup(root, { ...wanted, onRootMismatch: false });
  assert.equal(await facts(join(root, 'folder/file')), '2000 660');
});

test('a volume is given once: what a program makes narrower inside stays, however often the pod’s volumes are made ready', async () => {
  const volumes = new PodVolumes(join(outside, 'pods'), fakeKernel());
  const pod = {
    metadata: { name: 'db', namespace: 'default', uid: 'u1' },
    spec: {
      containers: [],
      securityContext: { fsGroup: 2000 },
      volumes: [
        { name: 'data', persistentVolumeClaim: { claimName: 'data' } },
        { name: 'work', emptyDir: {} },
      ],
    },
  };
  const volume = { metadata: { name: 'pv' }, spec: { hostPath: { path: root } } };
  const sources = { configMaps: new Map(), secrets: new Map(), tokens: new Map(), persistentVolumes: new Map([['data', volume]]) };
  const ready = async (): Promise<readonly string[]> =>
    [...(await volumes.mountAll(pod as never, sources as never)).values()].map(({ path }) => path);
  const [data = '', work = ''] = await ready();
  assert.deepEqual([await facts(data), await facts(work)], ['2000 2775', '2000 2777']);
  for (const path of [data, work]) {
    await mkdir(join(path, 'pgdata'));
    await chmod(join(path, 'pgdata'), 0o700);
  }
  await ready();
  assert.deepEqual([await facts(join(data, 'pgdata')), await facts(join(work, 'pgdata'))], ['2000 700', '2000 700']);
});

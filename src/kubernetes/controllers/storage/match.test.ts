import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type {
  PersistentVolume,
  PersistentVolumeClaim,
  PersistentVolumeClaimSpec,
  PersistentVolumeSpec,
} from '../../../api/kubernetes/types.generated.ts';
import { localClass, makeFolder, removeFolder, volumeFor } from './local-provisioner.ts';
import { findVolume } from './match.ts';

function claim(spec: Partial<PersistentVolumeClaimSpec> = {}): PersistentVolumeClaim {
  const resources = { requests: { storage: '1Gi' } };
  const metadata = { namespace: 'default', name: 'data', uid: '01234567-89ab-cdef-0123-456789abcdef' };
  return {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata,
    spec: { accessModes: ['ReadWriteOnce'], resources, storageClassName: '', ...spec },
  };
}

function volume(name: string, storage: string, spec: Partial<PersistentVolumeSpec> = {}): PersistentVolume {
  const metadata = { name, labels: { disk: name } };
  return { apiVersion: 'v1', kind: 'PersistentVolume', metadata, spec: { capacity: { storage }, accessModes: ['ReadWriteOnce'], ...spec } };
}

const found = (one: PersistentVolumeClaim, ...volumes: PersistentVolume[]): string | undefined => findVolume(one, volumes)?.metadata.name;

test('the smallest free volume that fits', () => {
  assert.equal(found(claim(), volume('large', '10Gi'), volume('fits', '2Gi'), volume('small', '500Mi')), 'fits');
  assert.equal(found(claim(), volume('other', '1Gi', { storageClassName: 'ssd' })), undefined);
  assert.equal(found(claim({ accessModes: ['ReadWriteMany'] }), volume('single', '1Gi')), undefined);
  assert.equal(found(claim({ selector: { matchLabels: { disk: 'b' } } }), volume('a', '1Gi'), volume('b', '5Gi')), 'b');
  assert.equal(found(claim({ volumeMode: 'Block' }), volume('a', '1Gi')), undefined);
});

test('a reservation counts for the claim it names, and keeps others out', () => {
  const reserved = (uid?: string): PersistentVolume => volume('mine', '9Gi', { claimRef: { namespace: 'default', name: 'data', uid } });
  assert.equal(found(claim(), volume('fits', '1Gi'), reserved()), 'mine');
  assert.equal(found(claim(), reserved('of an earlier claim')), undefined);
  assert.equal(found(claim({ volumeName: 'named' }), volume('fits', '1Gi'), volume('named', '9Gi')), 'named');
});

test('a provisioned folder is open to every user, and removed only if it was made here', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'davit-volumes-'));
  try {
    const made = volumeFor(claim(), localClass, folder);
    await makeFolder(made);
    const path = made.spec?.hostPath?.path ?? '';
    assert.equal(statSync(path).mode & 0o777, 0o777);
    const foreign = join(folder, 'foreign');
    mkdirSync(foreign);
    await removeFolder({ ...made, spec: { ...made.spec, hostPath: { path: foreign } } }, folder);
    await removeFolder({ ...made, metadata: { name: made.metadata.name } }, folder);
    assert(existsSync(foreign) && existsSync(path));
    await removeFolder(made, folder);
    assert(!existsSync(path));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

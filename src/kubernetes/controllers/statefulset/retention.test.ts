import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PersistentVolumeClaim, Pod, StatefulSet } from '../../../api/kubernetes/types.generated.ts';
import { retainedClaims } from './retention.ts';

function set(whenDeleted: string, whenScaled: string, replicas = 1): StatefulSet {
  return {
    apiVersion: 'apps/v1',
    kind: 'StatefulSet',
    metadata: { name: 'db', uid: 'set' },
    spec: {
      replicas,
      selector: {},
      template: {},
      persistentVolumeClaimRetentionPolicy: { whenDeleted, whenScaled },
      volumeClaimTemplates: [{ apiVersion: 'v1', kind: 'PersistentVolumeClaim', metadata: { name: 'data' } }],
    },
  };
}

const claim = (ordinal: number, owners: readonly string[] = []): PersistentVolumeClaim => ({
  apiVersion: 'v1',
  kind: 'PersistentVolumeClaim',
  metadata: {
    name: `data-db-${ordinal}`,
    ownerReferences: owners.map((uid) => {
      const kind = uid === 'set' ? 'StatefulSet' : 'Pod';
      return { apiVersion: 'v1', kind, name: uid === 'set' ? 'db' : `db-${ordinal}`, uid };
    }),
  },
});
const pods: readonly Pod[] = [0, 1].map((n) => ({ apiVersion: 'v1', kind: 'Pod', metadata: { name: `db-${n}`, uid: `pod-${n}` } }));

const owners = (one: StatefulSet, claims: readonly PersistentVolumeClaim[], there = pods): readonly string[] =>
  retainedClaims(one, claims, there).map(
    ({ metadata }) => `${metadata.name}: ${metadata.ownerReferences?.map(({ uid }) => uid).join(' ')}`,
  );

test('claims go with the set, with their pod when scaled down, or stay', () => {
  assert.deepEqual(owners(set('Retain', 'Retain'), [claim(0), claim(1)]), []);
  assert.deepEqual(owners(set('Delete', 'Retain'), [claim(0), claim(1)]), ['data-db-0: set', 'data-db-1: set']);
  assert.deepEqual(owners(set('Retain', 'Delete'), [claim(0), claim(1)]), ['data-db-1: pod-1']);
  assert.deepEqual(owners(set('Delete', 'Delete'), [claim(0, ['set']), claim(1, ['set'])]), ['data-db-1: pod-1']);
  assert.deepEqual(owners(set('Retain', 'Delete', 2), [claim(1, ['pod-1'])]), ['data-db-1: ']);
  assert.deepEqual(owners(set('Retain', 'Delete'), [claim(1, ['pod-1'])], []), []);
});

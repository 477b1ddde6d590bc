import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KindError } from '../../base/errors.ts';
import { memoryStore } from '../../store/memory.ts';
import type { Store } from '../../store/store.ts';
import type { ContainerRecord } from './record.ts';
import { Registry } from './registry.ts';

const record = (id: string, name: string): ContainerRecord =>
  ({
    id,
    name,
    spec: { image: 'busybox' },
    createdAt: new Date(0),
    endpoints: [],
    mounts: [],
    ports: [],
    layers: [],
  }) as unknown as ContainerRecord;

/** A store whose disk can be full. */
function open(): { readonly registry: Registry; readonly disk: { isFull: boolean }; readonly reopened: () => Registry } {
  const store = memoryStore();
  const disk = { isFull: false };
  const full: Store = Object.assign(Object.create(store) as Store, {
    range: store.range.bind(store),
    write: async (operations: Parameters<Store['write']>[0]) => {
      if (disk.isFull) throw new KindError('unavailable', 'the disk is full');
      return store.write(operations);
    },
  });
  return { registry: new Registry(full), disk, reopened: () => new Registry(store) };
}

test('what could not be written has never been', async () => {
  const { registry, disk } = open();
  await registry.put(record('a', 'web'));
  disk.isFull = true;
  await assert.rejects(registry.update('a', { name: 'other' }), /full/);
  assert.equal(registry.byId('a')?.name, 'web');
  await assert.rejects(registry.put(record('b', 'new')), /full/);
  assert.equal(registry.byId('b'), undefined);
  await assert.rejects(registry.delete('a'), /full/);
  assert.equal(registry.find('web').id, 'a');
});

test('two changes at once that both fail leave what was before them', async () => {
  const { registry, disk } = open();
  await registry.put(record('a', 'web'));
  disk.isFull = true;
  await Promise.allSettled([registry.update('a', { name: 'one' }), registry.update('a', { name: 'two' })]);
  assert.equal(registry.byId('a')?.name, 'web');
});

test('what has happened holds at once and is written with the next write that succeeds', async () => {
  const { registry, disk, reopened } = open();
  for (const id of ['a', 'b', 'c']) await registry.put(record(id, `name-${id}`));
  disk.isFull = true;
  await registry.note('a', { exitCode: 3 });
  await registry.forget('b');
  assert.deepEqual([registry.byId('a')?.exitCode, registry.byId('b')], [3, undefined]);
  assert.deepEqual([reopened().byId('a')?.exitCode, reopened().byId('b')?.id], [undefined, 'b']);
  await assert.rejects(registry.update('a', { name: 'other' }), /full/);
  assert.equal(registry.byId('a')?.exitCode, 3, 'a change that fails later takes nothing back');
  disk.isFull = false;
  await registry.update('c', { name: 'changed' });
  assert.deepEqual([reopened().byId('a')?.exitCode, reopened().byId('b'), reopened().byId('c')?.name], [3, undefined, 'changed']);
});

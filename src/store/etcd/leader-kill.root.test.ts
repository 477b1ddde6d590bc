/** Killing the leader of three members under load: what clients were told is linearizable, and watchers miss nothing. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EtcdCluster } from '../../../test/support/etcd.ts';
import { eventually } from '../../../test/support/eventually.ts';
import { findViolation, type Action, type Operation } from '../../../test/support/linearizable.ts';
import { isKind } from '../../base/errors.ts';
import type { Store, WriteOperation } from '../store.ts';
import { openEtcdStore } from './etcd-store.ts';

const keys = Array.from({ length: 8 }, (_, index) => `/registry/k${index}`);
const clientsPerServer = 8;
/** More for a longer look: DAVIT_TEST_LEADER_KILLS=10. */
const kills = Number(process.env['DAVIT_TEST_LEADER_KILLS'] ?? 1);

interface Acknowledged {
  readonly called: number;
  readonly returned: number;
  readonly revision: number;
}

/** Everything that clients did, and what they were told, in one order of time. */
class Recorder {
  readonly operations: Operation[] = [];
  readonly writes: Acknowledged[] = [];
  #clock = 0;
  #values = 0;

  now(): number {
    return (this.#clock += 1);
  }

  newValue(): string {
    return `v${(this.#values += 1)}`;
  }
}

const text = (store: Store, key: string): string | undefined => {
  const entry = store.get(key);
  return entry && new TextDecoder().decode(entry.value);
};

async function readOnce(store: Store, key: string, recorder: Recorder): Promise<void> {
  const called = recorder.now();
  try {
    await store.catchUp();
  } catch (error) {
    if (isKind(error, 'unavailable')) return;
    throw error;
  }
  recorder.operations.push({ key, called, returned: recorder.now(), kind: 'read', value: text(store, key) });
}

async function writeOnce(store: Store, key: string, recorder: Recorder, dice: number): Promise<void> {
  const entry = store.get(key);
  const value = dice < 0.15 ? undefined : recorder.newValue();
  const isSwap = dice > 0.4;
  const ifRevision = isSwap ? (entry?.modRevision ?? 0) : undefined;
  const operation: WriteOperation =
    value === undefined ? { delete: key, ifRevision } : { put: key, value: new TextEncoder().encode(value), ifRevision };
  const action = (succeeded: boolean): Action =>
    isSwap ? { kind: 'swap', expected: entry && new TextDecoder().decode(entry.value), value, succeeded } : { kind: 'write', value };
  const called = recorder.now();
  try {
    const { revision } = await store.write([operation]);
    const returned = recorder.now();
    recorder.operations.push({ key, called, returned, ...action(true) });
    if (value !== undefined) recorder.writes.push({ called, returned, revision });
  } catch (error) {
    if (isKind(error, 'conflict')) recorder.operations.push({ key, called, returned: recorder.now(), ...action(false) });
    else if (isKind(error, 'unavailable')) recorder.operations.push({ key, called, returned: undefined, ...action(true) });
    else throw error;
  }
}

async function work(store: Store, recorder: Recorder, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const key = keys[Math.floor(Math.random() * keys.length)] ?? '';
    const dice = Math.random();
    await (dice < 0.4 ? readOnce(store, key, recorder) : writeOnce(store, key, recorder, Math.random()));
  }
}

async function watchAll(store: Store, after: number, seen: string[], revisions: number[], signal: AbortSignal): Promise<void> {
  for await (const batch of store.watch('/registry/', { after }, signal)) {
    for (const { type, entry } of batch) {
      seen.push(`${type} ${entry.key}@${entry.modRevision} v${entry.version}`);
      revisions.push(entry.modRevision);
    }
  }
}

test('killing the leader under load leaves a linearizable history', { timeout: 60_000 * (kills + 1) }, async (context) => {
  await using etcd = await EtcdCluster.start({ members: 3 });
  await using one = await openEtcdStore({ endpoints: etcd.endpoints, place: { own: '/registry', etcd: '/registry' } });
  await using two = await openEtcdStore({ endpoints: etcd.endpoints.toReversed(), place: { own: '/registry', etcd: '/registry' } });
  const recorder = new Recorder();
  const stop = new AbortController();
  const watching = new AbortController();
  const start = Math.max(one.revision, two.revision);
  await Promise.all([one, two].map((store) => store.catchUp()));
  const views = [one, two].map((store) => ({ store, seen: [] as string[], revisions: [] as number[] }));
  const watchers = views.map(({ store, seen, revisions }) => watchAll(store, start, seen, revisions, watching.signal));
  const workers = [one, two].flatMap((store) => Array.from({ length: clientsPerServer }, () => work(store, recorder, stop.signal)));
  const answered = (count: number): Promise<void> => {
    const target = recorder.writes.length + count;
    return eventually(async () => assert(recorder.writes.length >= target, 'too few answers'), { withinMs: 40_000 });
  };
  for (let kill = 0; kill < kills; kill += 1) {
    await answered(300);
    const leader = await etcd.leader();
    await etcd.kill(leader);
    await answered(300);
    etcd.startMember(leader);
    await etcd.healthy();
  }
  await answered(200);
  stop.abort();
  await Promise.all(workers);

  const violation = findViolation(recorder.operations);
  assert.equal(violation, undefined, `not linearizable: ${JSON.stringify(violation)}`);
  assertRevisionsInOrder(recorder.writes);
  await Promise.all([one, two].map((store) => store.catchUp()));
  watching.abort();
  await Promise.all(watchers);
  const [first, second] = views;
  assert.deepEqual(first?.seen, second?.seen, 'both servers’ watchers saw the same');
  assert.deepEqual(
    first?.revisions,
    [...new Set(first?.revisions)].toSorted((a, b) => a - b),
    'each once, in order',
  );
  const seen = new Set(first?.revisions);
  assert.deepEqual(
    recorder.writes.filter(({ revision }) => !seen.has(revision)),
    [],
    'acknowledged, but no watcher saw it',
  );
  const unclear = recorder.operations.filter(({ returned }) => returned === undefined).length;
  context.diagnostic(`${recorder.operations.length} operations, ${unclear} without an answer, ${first?.seen.length} changes seen`);
});

/** A write that returned before another was called has the smaller revision; no revision is given twice. */
function assertRevisionsInOrder(writes: readonly Acknowledged[]): void {
  const revisions = writes.map(({ revision }) => revision);
  assert.equal(new Set(revisions).size, revisions.length, 'a revision was given twice');
  const byCall = writes.toSorted((a, b) => a.called - b.called);
  const byReturn = writes.toSorted((a, b) => a.returned - b.returned);
  let [newest, next] = [0, 0];
  for (const write of byCall) {
    for (; (byReturn[next]?.returned ?? Infinity) < write.called; next += 1) newest = Math.max(newest, byReturn[next]?.revision ?? 0);
    assert(write.revision > newest, `revision ${write.revision} was given after ${newest} had been acknowledged`);
  }
}

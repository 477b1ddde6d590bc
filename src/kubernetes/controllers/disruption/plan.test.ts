import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Pod, PodDisruptionBudget, PodDisruptionBudgetSpec } from '../../../api/kubernetes/types.generated.ts';
import { budgetStatus } from './plan.ts';

const now = Date.parse('2026-01-01T00:10:00Z');
const budget = (spec: PodDisruptionBudgetSpec, disruptedPods: Record<string, string> = {}): PodDisruptionBudget => ({
  apiVersion: 'policy/v1',
  kind: 'PodDisruptionBudget',
  metadata: { name: 'web', generation: 1 },
  spec,
  status: { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0, disruptedPods },
});
const pod = (name: string, ready = 'True'): Pod => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name },
  status: { phase: 'Running', conditions: [{ type: 'Ready', status: ready }] },
});

function counts(spec: PodDisruptionBudgetSpec, pods: readonly Pod[], scale?: number, disrupted = {}): readonly number[] {
  const { status } = budgetStatus(budget(spec, disrupted), pods, scale, now);
  return [status.disruptionsAllowed, status.currentHealthy, status.desiredHealthy, status.expectedPods];
}

const three = [pod('a'), pod('b'), pod('c')];

test('a whole number counts the pods there are, a share what their controllers want', () => {
  assert.deepEqual(counts({ minAvailable: 2 }, three), [1, 3, 2, 3]);
  assert.deepEqual(counts({ minAvailable: '50%' }, three, 5), [0, 3, 3, 5]);
  assert.deepEqual(counts({ maxUnavailable: 1 }, three, 3), [1, 3, 2, 3]);
  assert.deepEqual(counts({ maxUnavailable: 1 }, three), [0, 3, 0, 0]);
  assert.deepEqual(counts({ minAvailable: 2 }, [pod('a'), pod('b'), pod('c', 'False')]), [0, 2, 2, 3]);
});

test('an evicted pod counts as gone until it goes, or for two minutes', () => {
  assert.deepEqual(counts({ minAvailable: 2 }, three, undefined, { a: '2026-01-01T00:09:00Z' }), [0, 2, 2, 3]);
  assert.deepEqual(counts({ minAvailable: 2 }, three, undefined, { a: '2026-01-01T00:07:00Z' }), [1, 3, 2, 3]);
  const { status, againAfterMs } = budgetStatus(
    budget({ minAvailable: 2 }, { a: '2026-01-01T00:09:00Z', x: '2026-01-01T00:09:00Z' }),
    three,
    3,
    now,
  );
  assert.deepEqual([Object.keys(status.disruptedPods ?? {}), againAfterMs], [['a'], 60_000]);
  assert.equal(status.conditions?.[0]?.reason, 'InsufficientPods');
});

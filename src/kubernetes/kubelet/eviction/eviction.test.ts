import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PodSpec } from '../../../api/kubernetes/types.generated.ts';
import { appContainer, podOf } from '../pod/pod.fake.ts';
import { binary, conditionMessage, evictionMessage } from './messages.ts';
import { calm, judge, transitionMs, type Observations } from './pressure.ts';
import { isCritical, rankForEviction, type PodUsage, type Usage } from './rank.ts';
import { defaultHard, parseThresholds } from './thresholds.ts';

const gib = 2 ** 30;
const mib = 2 ** 20;
const hard = parseThresholds(defaultHard);
const memory = (available: number): Observations => ({ 'memory.available': { available, capacity: 8 * gib } });

test('thresholds are quantities or shares; soft ones have a grace period; what is none is refused by name', () => {
  assert.deepEqual(parseThresholds('memory.available<1.5Gi,nodefs.available<10%'), [
    { signal: 'memory.available', limit: { value: 1.5 * gib }, graceMs: 0 },
    { signal: 'nodefs.available', limit: { share: 0.1 }, graceMs: 0 },
  ]);
  assert.deepEqual(parseThresholds('pid.available<1000', 'pid.available=1m30s')[0]?.graceMs, 90_000);
  assert.throws(() => parseThresholds('cpu.available<1'), /unsupported eviction signal "cpu.available"/);
  assert.throws(() => parseThresholds('memory.available<x'), /memory.available<x/);
  assert.throws(() => parseThresholds('memory.available<1Gi', ''), /grace period must be specified/);
  assert.deepEqual(parseThresholds(''), []);
});

test('a hard threshold acts at once, and its condition stays for five minutes', () => {
  const first = judge(calm, hard, memory(50 * mib), 0);
  assert.deepEqual([...first.conditions], ['MemoryPressure']);
  assert.equal(first.acute?.threshold.signal, 'memory.available');
  const second = judge(first.state, hard, memory(4 * gib), transitionMs - 1);
  assert.deepEqual([[...second.conditions], second.acute], [['MemoryPressure'], undefined]);
  assert.deepEqual([...judge(second.state, hard, memory(4 * gib), transitionMs).conditions], []);
});

test('a soft threshold shows at once and acts when its grace has passed without a break', () => {
  const soft = parseThresholds('memory.available<1Gi', 'memory.available=30s');
  const first = judge(calm, soft, memory(mib), 0);
  assert.deepEqual([[...first.conditions], first.acute], [['MemoryPressure'], undefined]);
  assert(judge(first.state, soft, memory(mib), 30_000).acute);
  const broken = judge(judge(first.state, soft, memory(2 * gib), 10_000).state, soft, memory(mib), 20_000);
  assert.equal(judge(broken.state, soft, memory(mib), 30_000).acute, undefined);
});

test('memory goes before disk; disk and inodes are one condition; processes have theirs', () => {
  const all = parseThresholds(`${defaultHard},pid.available<10%`);
  const seen: Observations = {
    ...memory(1),
    'nodefs.available': { available: 1, capacity: 100 },
    'imagefs.inodesFree': { available: 4, capacity: 100 },
    'pid.available': { available: 1, capacity: 100 },
  };
  const { conditions, acute } = judge(calm, all, seen, 0);
  assert.deepEqual([...conditions].toSorted(), ['DiskPressure', 'MemoryPressure', 'PIDPressure']);
  assert.equal(acute?.threshold.signal, 'memory.available');
  assert.equal(judge(calm, all, { 'nodefs.available': { available: 10, capacity: 100 } }, 0).acute, undefined, '10% is not below 10%');
});

function usage(name: string, total: Usage, spec: Partial<PodSpec> & { readonly request?: string } = {}): PodUsage {
  const { request, ...rest } = spec;
  const containers = [appContainer(request ? { resources: { requests: { memory: request, 'ephemeral-storage': request } } } : {})];
  return { pod: podOf({ containers, ...rest }, { metadata: { name } }), total, containers: new Map([['app', total]]) };
}

const names = (all: readonly PodUsage[]): string => all.map(({ pod }) => pod.metadata.name).join(' ');

test('first who uses more than it asked for, then who matters less, then who is furthest above', () => {
  const all = [
    usage('within', { memoryBytes: 90 * mib }, { request: '100Mi' }),
    usage('within-low', { memoryBytes: 10 * mib }, { request: '100Mi', priority: -1 }),
    usage('above-high', { memoryBytes: 900 * mib }, { priority: 10 }),
    usage('above', { memoryBytes: 300 * mib }, { request: '100Mi' }),
    usage('above-more', { memoryBytes: 250 * mib }),
    usage('system', { memoryBytes: 4 * gib }, { priority: 2_000_000_000 }),
  ];
  assert.equal(names(rankForEviction(all, 'memory')), 'above-more above above-high within-low within');
});

test('disk is ranked by what is used of it, processes by their number after the priority', () => {
  const all = [
    usage('few', { diskBytes: mib, pids: 3 }),
    usage('many', { diskBytes: 9 * mib, pids: 2 }),
    usage('asked', { diskBytes: gib, pids: 900 }, { request: '2Gi', priority: 5 }),
  ];
  assert.equal(names(rankForEviction(all, 'ephemeral-storage')), 'many few asked');
  assert.equal(names(rankForEviction(all, 'pids')), 'few many asked');
});

test('static, mirror and system pods are critical', () => {
  assert(isCritical(podOf({}, { metadata: { annotations: { 'kubernetes.io/config.source': 'file' } } })));
  assert(isCritical(podOf({}, { metadata: { annotations: { 'kubernetes.io/config.mirror': 'x' } } })));
  assert(!isCritical(podOf({ priority: 1_000_000_000 }, { metadata: { annotations: { 'kubernetes.io/config.source': 'api' } } })));
});

test('an evicted pod is told what was short, how short, and which of its containers used too much', () => {
  const [threshold] = hard;
  assert(threshold);
  assert.equal(
    evictionMessage(usage('x', { memoryBytes: 60 * mib }), threshold, { available: 50 * mib, capacity: gib }),
    'The node was low on resource: memory. Threshold quantity: 100Mi, available: 50Mi. Container app was using 60Mi, request is 0, has larger consumption of memory. ',
  );
  assert.equal(conditionMessage(['DiskPressure']), 'The node had condition: [DiskPressure]. ');
  assert.deepEqual([0, 7, 1500, 2048, 3 * gib].map(binary), ['0', '7', '1Ki', '2Ki', '3Gi']);
});

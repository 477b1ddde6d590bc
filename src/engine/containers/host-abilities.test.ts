import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerSpec } from './container.ts';
import { possibleHere } from './host-abilities.ts';

const asked: ContainerSpec = {
  image: 'x',
  limits: {
    memoryBytes: 1 << 26,
    blkioWeight: 300,
    blkioDevices: [
      { kind: 'weight', path: '/dev/vda', amount: 200 },
      { kind: 'readBps', path: '/dev/vda', amount: 1000 },
    ],
    memorySwappiness: 0,
    oomKillDisable: true,
  },
};

const all = ['cpu', 'cpuset', 'memory', 'pids', 'blkio'];

test('a kernel that can do it all does it all', () => {
  assert.deepEqual(possibleHere(asked, { version: 1, hasIoWeights: () => true, controllers: () => all }), { spec: asked, warnings: [] });
});

test('without a scheduler that weighs, weights are left out with dockerd’s words, rates stay', () => {
  const { spec, warnings } = possibleHere(asked, { version: 1, hasIoWeights: () => false, controllers: () => all });
  assert.deepEqual(warnings, [
    'Your kernel does not support Block I/O weight or the cgroup is not mounted. Weight discarded.',
    'Your kernel does not support Block I/O weight_device or the cgroup is not mounted. Weight-device discarded.',
  ]);
  assert.equal(spec.limits?.blkioWeight, undefined);
  assert.deepEqual(
    spec.limits?.blkioDevices?.map(({ kind }) => kind),
    ['readBps'],
  );
});

test('the unified hierarchy has no swappiness and no switch for the OOM killer', () => {
  const { spec, warnings } = possibleHere(asked, { version: 2, hasIoWeights: () => true, controllers: () => all });
  assert.deepEqual([spec.limits?.memorySwappiness, spec.limits?.oomKillDisable], [undefined, undefined]);
  assert.deepEqual(
    warnings.map((warning) => /(swappiness|OomKillDisable) discarded/.exec(warning)?.[1]),
    ['swappiness', 'OomKillDisable'],
  );
});

test('what makes no sense together is told and kept', () => {
  const odd: ContainerSpec = {
    image: 'x',
    network: 'host',
    ports: [{ containerPort: 80, protocol: 'tcp' }],
    limits: { oomKillDisable: true },
  };
  const { spec, warnings } = possibleHere(odd, { version: 1, hasIoWeights: () => true, controllers: () => all });
  assert.equal(spec, odd);
  assert.deepEqual(warnings, [
    'OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.',
    'Published ports are discarded when using host network mode',
  ]);
});

test('without controllers nothing is limited, and each limit that is lost is told', () => {
  const limits = { memoryBytes: 1 << 26, memoryReservationBytes: 1 << 25, pids: 5, cpuShares: 2, cpuQuotaUs: 5000, cpusetCpus: '0' };
  const none = { version: 2, hasIoWeights: () => false, controllers: () => [] } as const;
  const { spec, warnings } = possibleHere({ ...asked, limits: { ...asked.limits, ...limits } }, none);
  assert.deepEqual(
    Object.values(spec.limits ?? {}).filter((value) => value !== undefined),
    [],
  );
  assert.equal(warnings.length, 11);
  assert.ok(warnings.every((warning) => /^Your kernel does not support .* discarded\.$/.test(warning)));
  assert.throws(() => possibleHere({ image: 'x', limits: { nanoCpus: 1e9 } }, none), {
    kind: 'invalid',
    message: /NanoCPUs can not be set/,
  });
});

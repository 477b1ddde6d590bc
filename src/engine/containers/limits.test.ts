import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkLimits, checkUpdate, mergeLimits, toLinuxResources } from './limits.ts';

const MiB = 1024 * 1024;

test('limits in the OCI form', () => {
  const cases = [
    [{}, {}],
    [{ nanoCpus: 1.5e9 }, { cpu: { period: 100_000, quota: 150_000 } }],
    [{ memoryBytes: 64 * MiB }, { memory: { limit: 64 * MiB, swap: 128 * MiB } }],
    [{ memoryBytes: 64 * MiB, memorySwapBytes: -1 }, { memory: { limit: 64 * MiB, swap: -1 } }],
    [
      { cpuShares: 512, cpuQuotaUs: 5000, cpuPeriodUs: 10_000, cpusetCpus: '0' },
      { cpu: { shares: 512, quota: 5000, period: 10_000, cpus: '0' } },
    ],
    [{ memorySwappiness: 0 }, { memory: { swappiness: 0 } }],
    [
      { blkioWeight: 300, blkioDevices: [{ kind: 'readBps', path: '/dev/x', amount: 1000 }] },
      { blockIO: { weight: 300, throttleReadBpsDevice: [{ major: 8, minor: 1, rate: 1000 }] } },
    ],
    [{ pids: 100 }, { pids: { limit: 100 } }],
    [{ pids: 0 }, {}],
  ] as const;
  for (const [limits, expected] of cases)
    assert.deepEqual(
      toLinuxResources(limits, () => ({ major: 8, minor: 1 })),
      expected,
    );
});

test('refuses what dockerd refuses', () => {
  assert.throws(() => checkLimits({ memoryBytes: MiB }, 2), /Minimum memory limit allowed is 6MB/);
  assert.throws(() => checkLimits({ nanoCpus: 3e9 }, 2), /range of CPUs is from 0.01 to 2.00, as there are only 2 CPUs available/);
  assert.throws(() => checkLimits({ memoryBytes: 20 * MiB, memorySwapBytes: 10 * MiB }, 2), /memoryswap limit should be larger/);
  checkLimits({ memoryBytes: 20 * MiB, nanoCpus: 2e9 }, 2);
});

test('an update keeps what it does not name', () => {
  assert.deepEqual(mergeLimits({ memoryBytes: 1, pids: 5 }, { memoryBytes: 2 }), { memoryBytes: 2, memorySwapBytes: 2, pids: 5 });
  assert.deepEqual(mergeLimits({ pids: 5 }, { pids: -1 }), { pids: -1 });
});

test('what stands against an update', () => {
  const refused = [
    [{ nanoCpus: 1e9 }, { cpuQuotaUs: 5000 }, /CPU Quota cannot be updated as NanoCPUs has already been set/],
    [{ nanoCpus: 1e9 }, { cpuPeriodUs: 5000 }, /CPU Period cannot be updated as NanoCPUs has already been set/],
    [{ cpuQuotaUs: 5000 }, { nanoCpus: 1e9 }, /Nano CPUs cannot be updated as CPU Quota has already been set/],
    [{ memoryBytes: 8 * MiB }, { memoryBytes: 32 * MiB }, /Memory limit should be smaller than already set memoryswap limit/],
  ] as const;
  for (const [current, change, message] of refused) assert.throws(() => checkUpdate(current, change), message);
  checkUpdate({ memoryBytes: 8 * MiB }, { memoryBytes: 16 * MiB });
  checkUpdate({ memoryBytes: 8 * MiB, memorySwapBytes: -1 }, { memoryBytes: 32 * MiB });
  assert.throws(() => checkLimits({ cpusetCpus: '0,2-3' }, 2), /Requested CPUs are not available - requested 0,2-3, available: 0-1/);
  assert.throws(() => checkLimits({ cpusetCpus: '1-0' }, 2), /Invalid value 1-0 for cpuset cpus/);
});

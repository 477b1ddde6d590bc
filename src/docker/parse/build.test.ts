import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseBuild } from './build.ts';

/** As docker CLI 28 sends it with DOCKER_BUILDKIT=0. */
const plain =
  'buildargs=%7B%22A%22%3A%221%22%2C%22B%22%3Anull%7D&cachefrom=%5B%5D&cgroupparent=&cpuperiod=0&cpuquota=0&cpusetcpus=&cpusetmems=&cpushares=0&dockerfile=Dockerfile&labels=%7B%22k%22%3A%22v%22%7D&memory=0&memswap=0&networkmode=default&rm=1&shmsize=0&t=a%3A1&t=b&target=&ulimits=null&version=1';

test('reads what the classic client sends', () => {
  const request = parseBuild(new URLSearchParams(plain));
  assert.deepEqual(request.names, ['a:1', 'b']);
  assert.deepEqual(request.buildArgs, { A: '1', B: undefined });
  assert.deepEqual(request.labels, { k: 'v' });
  assert.deepEqual(
    [request.dockerfile, request.target, request.network, request.shmBytes],
    ['Dockerfile', undefined, undefined, undefined],
  );
  assert.deepEqual([request.noCache, request.pull, request.quiet, request.extraHosts], [false, false, false, []]);
});

test('reads limits, hosts and flags', () => {
  const request = parseBuild(
    new URLSearchParams('memory=67108864&cpuquota=50000&extrahosts=a:1.2.3.4,b:::1&nocache=1&q=true&networkmode=host'),
  );
  assert.deepEqual([request.limits?.memoryBytes, request.limits?.cpuQuotaUs], [67108864, 50000]);
  assert.deepEqual([request.extraHosts, request.noCache, request.quiet, request.network], [['a:1.2.3.4', 'b:::1'], true, true, 'host']);
});

test('reads ulimits, remote contexts and cache sources', () => {
  const ulimits = JSON.stringify([{ Name: 'nofile', Soft: 1, Hard: 2 }]);
  const request = parseBuild(new URLSearchParams({ ulimits, cachefrom: '["a:1"]', remote: 'https://example.org/x.git#main' }));
  assert.deepEqual(request.ulimits, [{ name: 'nofile', soft: 1, hard: 2 }]);
  assert.deepEqual([request.cacheFrom, request.remote], [['a:1'], 'https://example.org/x.git#main']);
  assert.deepEqual(parseBuild(new URLSearchParams('nocachefilter=a&nocachefilter=b')).noCacheStages, ['a', 'b']);
});

const refusals: readonly (readonly [query: string, kind: string, message: RegExp])[] = [
  ['version=2', 'notImplemented', /DOCKER_BUILDKIT=0/],
  ['remote=client-session', 'notImplemented', /BuildKit sessions/],
  ['squash=1', 'invalid', /experimental/],
  ['cgroupparent=%2Fx', 'invalid', /cgroup-parent is not supported/],
  ['securityopt=%5B%22seccomp%3Dunconfined%22%5D', 'invalid', /security-opt is not supported/],
  ['outputs=%5B%7B%22Type%22%3A%22tar%22%7D%5D', 'notImplemented', /build outputs/],
  ['ulimits=%5B%7B%22Name%22%3A%22no file%22%7D%5D', 'invalid', /invalid ulimit "no file"/],
  ['buildargs=nonsense', 'invalid', /error reading buildargs/],
  ['platform=windows', 'invalid', /this engine runs linux/],
  ['memory=many', 'invalid', /parsing "many"/],
];

for (const [query, kind, message] of refusals) {
  test(`refuses ${query}`, () => {
    assert.throws(() => parseBuild(new URLSearchParams(query)), { kind, message });
  });
}

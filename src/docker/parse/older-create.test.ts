import assert from 'node:assert/strict';
import { test } from 'node:test';
import { containerCreate } from '../../api/docker/container-create.ts';
import { createAsOf, macWarnings } from './older-create.ts';

const body = containerCreate(
  {
    Image: 'x',
    Healthcheck: { Test: ['CMD', 'true'], StartInterval: 5 },
    HostConfig: {
      ConsoleSize: [24, 80],
      Annotations: { a: 'b' },
      Mounts: [
        {
          Type: 'bind',
          Source: '/a',
          Target: '/b',
          ReadOnly: true,
          BindOptions: { CreateMountpoint: true },
          VolumeOptions: { NoCopy: true },
        },
      ],
    },
    NetworkingConfig: { EndpointsConfig: { n: { MacAddress: '02:42:ac:11:00:02' } } },
  },
  '',
);

/** [field, the first version that knows it] */
const later: readonly (readonly [field: string, minor: number, of: (given: typeof body) => unknown])[] = [
  ['ConsoleSize', 42, ({ HostConfig }) => HostConfig?.ConsoleSize],
  ['CreateMountpoint', 42, ({ HostConfig }) => HostConfig?.Mounts?.[0]?.BindOptions?.CreateMountpoint],
  ['options of another type of mount', 42, ({ HostConfig }) => HostConfig?.Mounts?.[0]?.VolumeOptions],
  ['Annotations', 43, ({ HostConfig }) => HostConfig?.Annotations],
  ['StartInterval', 44, ({ Healthcheck }) => Healthcheck?.StartInterval],
  ['an endpoint’s MacAddress', 44, ({ NetworkingConfig }) => NetworkingConfig?.EndpointsConfig?.['n']?.MacAddress],
];

for (const [field, minor, of] of later) {
  test(`${field} is left out before API 1.${minor}, taken since`, () => {
    assert.equal(of(createAsOf(minor - 1, body)), undefined);
    assert.notEqual(of(createAsOf(minor, body)), undefined);
  });
}

test('before API 1.44 read-only reached only the mount itself', () => {
  const shallow = (minor: number) => createAsOf(minor, body).HostConfig?.Mounts?.[0]?.BindOptions?.ReadOnlyNonRecursive;
  assert.deepEqual([shallow(43), shallow(44)], [true, undefined]);
});

test('what would be weaker without a later field is refused', () => {
  const mounts = (mount: object) => containerCreate({ HostConfig: { Mounts: [mount] } }, '');
  const deep = mounts({ Type: 'bind', ReadOnly: true, BindOptions: { ReadOnlyForceRecursive: true } });
  assert.throws(() => createAsOf(43, deep), { kind: 'invalid', message: 'BindOptions.ReadOnlyForceRecursive needs API v1.44 or newer' });
  const part = mounts({ Type: 'volume', VolumeOptions: { Subpath: 'a' } });
  assert.throws(() => createAsOf(44, part), { kind: 'invalid', message: 'VolumeOptions.Subpath needs API v1.45 or newer' });
  const two = containerCreate({ NetworkingConfig: { EndpointsConfig: { a: {}, b: {} } } }, '');
  assert.throws(() => createAsOf(43, two), { message: 'Container cannot be created with multiple network endpoints: a, b' });
  assert.equal(Object.keys(createAsOf(44, two).NetworkingConfig?.EndpointsConfig ?? {}).length, 2);
});

test('the container-wide MAC address is warned of since API 1.44, and must be that of the endpoint', () => {
  const wide = (own: string) =>
    containerCreate(
      {
        MacAddress: '02:42:ac:11:00:02',
        HostConfig: { NetworkMode: 'n' },
        NetworkingConfig: { EndpointsConfig: { n: { MacAddress: own } } },
      },
      '',
    );
  assert.deepEqual(macWarnings(43, wide('')), []);
  assert.match(macWarnings(44, wide(''))[0] ?? '', /container-wide MacAddress field is now deprecated/);
  assert.throws(() => macWarnings(44, wide('02:42:ac:11:00:03')), /must match the endpoint-specific MAC address/);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linkEnvironment } from './link-environment.ts';
import { parseLink, type Link } from './links.ts';

const link = {
  alias: 'big-store',
  address: '172.17.0.2',
  other: { env: ['PASSWORD=a=b', 'PATH=/bin', 'HOME=/', 'BARE'] },
} as unknown as Link;

test('variables of a link: the lowest port, each port, ranges of three, names, variables of the other', () => {
  const lines = linkEnvironment(link, 'user', ['82/tcp', '53/udp', '80/tcp', '81/tcp', '80/tcp', '90/tcp', '91/tcp']);
  const of = (text: string): readonly string[] => lines.filter((line) => line.startsWith(text));
  assert.deepEqual(of('BIG_STORE_PORT='), ['BIG_STORE_PORT=udp://172.17.0.2:53']);
  assert.deepEqual(of('BIG_STORE_PORT_80_TCP'), [
    'BIG_STORE_PORT_80_TCP_START=tcp://172.17.0.2:80',
    'BIG_STORE_PORT_80_TCP_PORT_START=80',
    'BIG_STORE_PORT_80_TCP_END=tcp://172.17.0.2:82',
    'BIG_STORE_PORT_80_TCP_PORT_END=82',
    'BIG_STORE_PORT_80_TCP=tcp://172.17.0.2:80',
    'BIG_STORE_PORT_80_TCP_ADDR=172.17.0.2',
    'BIG_STORE_PORT_80_TCP_PORT=80',
    'BIG_STORE_PORT_80_TCP_PROTO=tcp',
  ]);
  assert.deepEqual(of('BIG_STORE_PORT_90_TCP_START'), [], 'two are no range');
  assert.deepEqual(of('BIG_STORE_NAME'), ['BIG_STORE_NAME=/user/big-store']);
  assert.deepEqual(of('BIG_STORE_ENV'), ['BIG_STORE_ENV_PASSWORD=a=b']);
  assert.deepEqual(linkEnvironment({ ...link, other: { env: [] } } as unknown as Link, 'user', []), ['BIG_STORE_NAME=/user/big-store']);
});

test('a link as it is given, and as inspect shows it', () => {
  assert.deepEqual(parseLink('db'), { target: 'db', alias: 'db' });
  assert.deepEqual(parseLink('db:store'), { target: 'db', alias: 'store' });
  assert.deepEqual(parseLink('/db:/user/store'), { target: 'db', alias: 'store' });
});

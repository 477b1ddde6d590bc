import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Links } from './links.ts';

export interface LinksWorld extends Disposable {
  readonly links: Links;
  /** Two fresh network namespaces. */
  readonly host: string;
  readonly container: string;
}

/** What every implementation of `Links` keeps. */
export function linksSuite(name: string, open: () => LinksWorld): void {
  const plug = ({ links, host, container }: LinksWorld): void => {
    links.apply(
      [
        { do: 'addBridge', name: 'br0', mac: '02:42:00:00:00:01' },
        { do: 'addAddress', name: 'br0', cidr: '172.31.0.1/16' },
        { do: 'setUp', name: 'br0' },
        { do: 'addVeth', name: 'veth0', peer: 'eth0', peerNamespace: container, peerMac: '02:42:ac:1f:00:02', mtu: 1400 },
        { do: 'setMaster', name: 'veth0', master: 'br0', hairpin: true },
        { do: 'setUp', name: 'veth0' },
      ],
      host,
    );
    links.apply(
      [
        { do: 'addAddress', name: 'eth0', cidr: '172.31.0.2/16' },
        { do: 'setUp', name: 'eth0' },
        { do: 'addRoute', to: 'default', via: '172.31.0.1' },
      ],
      container,
    );
  };

  test(`${name}: a fresh namespace has its loopback up and nothing else up`, () => {
    using world = open();
    const up = world.links.list(world.host).filter((link) => link.isUp);
    assert.deepEqual(
      up.map((link) => [link.name, link.kind]),
      [['lo', 'loopback']],
    );
    assert.deepEqual(world.links.routes(world.host), []);
  });

  test(`${name}: a bridge with a container plugged in`, () => {
    using world = open();
    plug(world);
    const find = (namespace: string, link: string) => world.links.list(namespace).find((each) => each.name === link);
    const bridge = find(world.host, 'br0');
    assert.equal(bridge?.kind, 'bridge');
    assert.equal(bridge?.mac, '02:42:00:00:00:01');
    assert.ok(bridge?.addresses.includes('172.31.0.1/16'));
    assert.equal(find(world.host, 'veth0')?.master, 'br0');
    const eth0 = find(world.container, 'eth0');
    assert.equal(eth0?.kind, 'veth');
    assert.equal(eth0?.mac, '02:42:ac:1f:00:02');
    assert.equal(eth0?.mtu, 1400);
    assert.ok(eth0?.isUp);
    const routes = world.links.routes(world.container);
    assert.deepEqual(
      routes.find((route) => route.to === 'default'),
      { to: 'default', via: '172.31.0.1', link: 'eth0' },
    );
    assert.ok(routes.some((route) => route.to === '172.31.0.0/16' && route.link === 'eth0'));
  });

  test(`${name}: one end of a veth takes the other with it`, () => {
    using world = open();
    plug(world);
    world.links.apply([{ do: 'deleteLink', name: 'veth0' }], world.host);
    assert.ok(!world.links.list(world.container).some((link) => link.name === 'eth0'));
  });

  test(`${name}: a link goes while others work; one that is not there is notFound`, async () => {
    using world = open();
    plug(world);
    await assert.rejects(world.links.remove('nope'), { kind: 'notFound' });
  });

  test(`${name}: adding what is there is alreadyExists and names it`, () => {
    using world = open();
    plug(world);
    const { links, host, container } = world;
    const again = { kind: 'alreadyExists' };
    assert.throws(() => links.apply([{ do: 'addBridge', name: 'br0' }], host), { ...again, message: /add bridge br0/ });
    assert.throws(() => links.apply([{ do: 'addVeth', name: 'veth0', peer: 'x' }], host), again);
    assert.throws(() => links.apply([{ do: 'addAddress', name: 'br0', cidr: '172.31.0.1/16' }], host), again);
    assert.throws(() => links.apply([{ do: 'addRoute', to: 'default', via: '172.31.0.1' }], container), again);
  });

  test(`${name}: using what is not there is notFound and names it`, () => {
    using world = open();
    plug(world);
    const { links, host } = world;
    const gone = { kind: 'notFound' };
    assert.throws(() => links.apply([{ do: 'deleteLink', name: 'nope' }], host), { ...gone, message: /delete link nope/ });
    assert.throws(() => links.apply([{ do: 'setUp', name: 'nope' }], host), gone);
    assert.throws(() => links.apply([{ do: 'setMaster', name: 'br0', master: 'nope' }], host), gone);
    assert.throws(() => links.apply([{ do: 'addAddress', name: 'nope', cidr: '10.0.0.1/8' }], host), gone);
    assert.throws(() => links.apply([{ do: 'deleteAddress', name: 'br0', cidr: '10.0.0.1/8' }], host), gone);
    assert.throws(() => links.apply([{ do: 'deleteRoute', to: '10.0.0.0/8' }], host), gone);
    assert.throws(() => links.list(`${host}-nope`), gone);
    assert.throws(() => links.apply([{ do: 'addVeth', name: 'v', peer: 'p', peerNamespace: `${host}-nope` }], host), gone);
  });

  test(`${name}: operations before a failing one stay done`, () => {
    using world = open();
    const operations = [
      { do: 'addBridge', name: 'one' },
      { do: 'deleteLink', name: 'nope' },
      { do: 'addBridge', name: 'two' },
    ] as const;
    assert.throws(() => world.links.apply(operations, world.host), { kind: 'notFound' });
    const names = world.links.list(world.host).map((link) => link.name);
    assert.ok(names.includes('one') && !names.includes('two'));
  });

  test(`${name}: addresses that are none are invalid`, () => {
    using world = open();
    for (const cidr of ['nonsense', '10.0.0.1/33', '10.0.0.256/8', '::1/129']) {
      assert.throws(() => world.links.apply([{ do: 'addAddress', name: 'lo', cidr }], world.host), { kind: 'invalid' }, cidr);
    }
  });
}

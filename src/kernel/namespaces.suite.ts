import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Namespaces } from './namespaces.ts';

export interface NamespacesWorld extends Disposable {
  readonly namespaces: Namespaces;
  readonly folder: string;
}

/** What every implementation of `Namespaces` keeps. */
export function namespacesSuite(name: string, open: () => NamespacesWorld): void {
  test(`${name}: pins live until they are removed`, () => {
    using world = open();
    const pins = { net: join(world.folder, 'net'), uts: join(world.folder, 'uts'), ipc: join(world.folder, 'ipc') };
    world.namespaces.create(pins, { hostname: 'web-1' });
    for (const pin of Object.values(pins)) assert.ok(world.namespaces.exists(pin), pin);
    for (const pin of Object.values(pins)) world.namespaces.remove(pin);
    for (const pin of Object.values(pins)) assert.ok(!world.namespaces.exists(pin), pin);
  });

  test(`${name}: removing what is not there succeeds`, () => {
    using world = open();
    world.namespaces.remove(join(world.folder, 'nope'));
    assert.ok(!world.namespaces.exists(join(world.folder, 'nope')));
  });

  test(`${name}: all or nothing`, () => {
    using world = open();
    const [net, uts] = [join(world.folder, 'net'), join(world.folder, 'uts')];
    world.namespaces.create({ uts });
    assert.throws(() => world.namespaces.create({ net, uts }), { kind: 'alreadyExists' });
    assert.ok(!world.namespaces.exists(net));
    assert.ok(world.namespaces.exists(uts));
    world.namespaces.remove(uts);
  });

  test(`${name}: a function runs inside and gives its value back, or its error`, () => {
    using world = open();
    const net = join(world.folder, 'net');
    world.namespaces.create({ net });
    assert.equal(
      world.namespaces.inNetwork(net, () => 42),
      42,
    );
    const boom = () => {
      throw new Error('boom');
    };
    assert.throws(() => world.namespaces.inNetwork(net, boom), /boom/);
    world.namespaces.remove(net);
    assert.throws(() => world.namespaces.inNetwork(net, () => 42), { kind: 'notFound' });
  });
}

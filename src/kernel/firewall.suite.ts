import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../../test/support/eventually.ts';
import type { Firewall } from './firewall.ts';

export interface FirewallWorld extends AsyncDisposable {
  readonly firewall: Firewall;
}

/** What every implementation of `Firewall` keeps, in a fresh network namespace. */
export function firewallSuite(name: string, open: () => FirewallWorld): void {
  const rules = [
    '*nat',
    ':DOCKER - [0:0]',
    '-A DOCKER -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80',
    '-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER',
    'COMMIT',
    '',
  ].join('\n');
  const lines = async (firewall: Firewall) => (await firewall.save('nat')).split('\n').filter((line) => /^(-A|:DOCKER)/.test(line));

  test(`${name}: what is restored is saved`, async () => {
    await using world = open();
    await world.firewall.restore(rules);
    assert.deepEqual(await lines(world.firewall), [
      ':DOCKER - [0:0]',
      '-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER',
      '-A DOCKER -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80',
    ]);
  });

  test(`${name}: naming a chain of ours again writes it anew, chains of others stay`, async () => {
    await using world = open();
    await world.firewall.restore('*nat\n:OTHER - [0:0]\n-A OTHER -j RETURN\nCOMMIT\n');
    await world.firewall.restore(rules);
    await world.firewall.restore('*nat\n:DOCKER - [0:0]\n-A DOCKER -j RETURN\nCOMMIT\n');
    const saved = await lines(world.firewall);
    assert.ok(saved.includes('-A DOCKER -j RETURN'));
    assert.ok(saved.includes('-A OTHER -j RETURN'));
    assert.ok(!saved.some((line) => line.includes('DNAT')));
  });

  test(`${name}: a refused line is quoted and nothing of its table is written`, async () => {
    await using world = open();
    await world.firewall.restore(rules);
    const before = await lines(world.firewall);
    await assert.rejects(world.firewall.restore('*nat\n:DOCKER - [0:0]\n-Q DOCKER -j RETURN\nCOMMIT\n'), {
      kind: 'internal',
      message: /line 3: "-Q DOCKER/,
    });
    assert.deepEqual(await lines(world.firewall), before);
  });

  test(`${name}: an nftables table is there once written and absent once deleted`, async () => {
    await using world = open();
    assert.equal(await world.firewall.nftTable('ip', 'davit'), undefined);
    await world.firewall.nft('table ip davit {\n\tchain services {\n\t\treturn\n\t}\n}\n');
    assert.match((await world.firewall.nftTable('ip', 'davit')) ?? '', /chain services \{\s+return\s+\}/);
    await world.firewall.nft('delete table ip davit\n');
    assert.equal(await world.firewall.nftTable('ip', 'davit'), undefined);
  });

  test(`${name}: a transaction with a fault writes nothing`, async () => {
    await using world = open();
    await assert.rejects(world.firewall.nft('table ip davit {\n\tchain a {\n\t}\n}\ndelete table ip absent\n'), { kind: 'internal' });
    assert.equal(await world.firewall.nftTable('ip', 'davit'), undefined);
  });

  test(`${name}: elements come and go in one transaction; one that is missing undoes it`, async () => {
    await using world = open();
    const { firewall } = world;
    const key = '10.96.0.7 . tcp . 80';
    const addresses = 'map addresses {\n\t\ttype ipv4_addr . inet_proto . inet_service : verdict\n\t}';
    const backends = 'map backends {\n\t\ttype ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service\n\t}';
    const peers = 'set peers {\n\t\ttype ipv4_addr\n\t}';
    await firewall.nft(`table ip davit {\n\tchain web {\n\t}\n\t${addresses}\n\t${backends}\n\t${peers}\n}\n`);
    const first = { collection: 'addresses', key, value: 'goto web' };
    const added = [first, { collection: 'backends', key, value: '10.244.0.2 . 8080' }, { collection: 'peers', key: '10.1.1.1' }];
    await firewall.nftElements('ip', 'davit', { remove: [], add: added });
    const before = (await firewall.nftTable('ip', 'davit')) ?? '';
    for (const text of ['10.96.0.7 . tcp . 80 : goto web', '10.96.0.7 . tcp . 80 : 10.244.0.2 . 8080', '10.1.1.1'])
      assert.ok(before.includes(text), text);
    await firewall.nftElements('ip', 'davit', { remove: [first], add: [{ ...first, value: 'drop' }] });
    assert.match((await firewall.nftTable('ip', 'davit')) ?? '', /10\.96\.0\.7 \. tcp \. 80 : drop/);
    const missing = { collection: 'peers', key: '10.9.9.9' };
    await assert.rejects(firewall.nftElements('ip', 'davit', { remove: [missing], add: [{ ...missing, key: '10.2.2.2' }] }), {
      kind: 'notFound',
    });
    assert.ok(!((await firewall.nftTable('ip', 'davit')) ?? '').includes('10.2.2.2'));
    await assert.rejects(firewall.nftElements('ip', 'absent', { remove: [], add: [missing] }), { kind: 'notFound' });
  });

  test(`${name}: what others do to a watched table is told, our own writes are not, nor are other tables`, async () => {
    await using world = open();
    const { firewall } = world;
    let told = 0;
    const write = (): Promise<void> => firewall.nft('table ip davit {\n\tset peers {\n\t\ttype ipv4_addr\n\t}\n}\n');
    using watch = firewall.watchTable('ip', 'davit', () => (told += 1));
    await watch.own(1, write);
    await firewall.nft('table ip other {\n}\n');
    assert.equal(told, 0);
    await firewall.nft('delete table ip davit\n');
    await eventually(async () => assert.equal(told, 1), { withinMs: 1_000 });
    await watch.own(1, write);
    assert.equal(told, 1);
  });

  test(`${name}: the generation counts changes, not looks`, async () => {
    await using world = open();
    const first = world.firewall.generation() ?? 0;
    await world.firewall.restore(rules);
    const second = world.firewall.generation() ?? 0;
    await world.firewall.save();
    assert.ok(second > first);
    assert.equal(world.firewall.generation(), second);
    await world.firewall.nft('table ip davit {\n}\n');
    assert.ok((world.firewall.generation() ?? 0) > second);
  });
}

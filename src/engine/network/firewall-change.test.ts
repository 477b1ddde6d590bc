import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chainsOf, planChange, type Chains } from './firewall-change.ts';

const port = (number: number): string => `-A DOCKER -p tcp -m tcp --dport ${number} -j DNAT --to-destination 172.17.0.2:80`;
const nat = (...ports: readonly number[]): Chains => new Map([['nat DOCKER', ports.map(port)]]);

test('a port more is one rule more, one less is one deletion; the order of ports is of no account', () => {
  const more = planChange(nat(1, 2), nat(0, 1, 2));
  assert.equal(more.text, `*nat\n${port(0)}\nCOMMIT\n`);
  assert.deepEqual([more.tables, more.chains], [1, nat(1, 2, 0)]);
  assert.equal(planChange(nat(1, 2), nat(2)).text, `*nat\n${port(1).replace('-A', '-D')}\nCOMMIT\n`);
  assert.deepEqual(planChange(nat(1, 2), nat(2, 1)), { text: '', chains: nat(1, 2), tables: 0 });
});

test('many deletions, chains with an order and chains that are new are written whole', () => {
  const many = Array.from({ length: 150 }, (_, index) => index);
  assert.equal(planChange(nat(...many), nat(7)).text, `*nat\n:DOCKER - [0:0]\n${port(7)}\nCOMMIT\n`);
  const forward = (...rules: readonly string[]): Chains => new Map([['filter DOCKER-FORWARD', rules]]);
  const change = planChange(
    forward('-A DOCKER-FORWARD -j A', '-A DOCKER-FORWARD -j B'),
    forward('-A DOCKER-FORWARD -j B', '-A DOCKER-FORWARD -j A'),
  );
  assert.equal(change.text, '*filter\n:DOCKER-FORWARD - [0:0]\n-A DOCKER-FORWARD -j B\n-A DOCKER-FORWARD -j A\nCOMMIT\n');
  assert.match(planChange(new Map(), nat(1)).text, /^\*nat\n:DOCKER - \[0:0\]\n-A DOCKER/);
});

test('chains of a text: our own, with what is in them', () => {
  const text = `*nat\n:PREROUTING ACCEPT [0:0]\n:DOCKER - [0:0]\n-A PREROUTING -j DOCKER\n${port(1)}\nCOMMIT\n*filter\n:DOCKER - [0:0]\nCOMMIT\n`;
  assert.deepEqual(
    chainsOf(text),
    new Map([
      ['nat DOCKER', [port(1)]],
      ['filter DOCKER', []],
    ]),
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeAttributes, encodeMessage, text } from './netlink.ts';
import { countCommits } from './nft-watch.ts';

const ip = 2;
const message = (type: number, table: string, family = ip): Buffer =>
  encodeMessage((10 << 8) | type, 0, 1, Buffer.concat([Buffer.from([family, 0, 0, 0]), encodeAttributes([[1, text(table)]])]));
const end = encodeMessage((10 << 8) | 15, 0, 1, Buffer.from([0, 0, 0, 0]));
const count = (...messages: readonly Buffer[]) => countCommits(Buffer.concat(messages), ip, 'davit', false);

test('a transaction counts once when it names the table, whatever else it does', () => {
  assert.deepEqual(count(message(0, 'davit'), message(12, 'davit'), end), { touched: 1, isOpen: false });
  assert.deepEqual(count(message(0, 'nat'), end, message(6, 'davit'), end, end), { touched: 1, isOpen: false });
  assert.deepEqual(count(message(0, 'davit'), end, message(8, 'davit'), end), { touched: 2, isOpen: false });
});

test('tables of other names and families do not count', () => {
  assert.equal(count(message(0, 'davit2'), message(0, 'davit', 1), message(0, 'davi'), end).touched, 0);
});

test('a transaction in two buffers counts when its end is there', () => {
  const first = count(message(0, 'davit'));
  assert.deepEqual(first, { touched: 0, isOpen: true });
  assert.deepEqual(countCommits(end, ip, 'davit', first.isOpen), { touched: 1, isOpen: false });
});

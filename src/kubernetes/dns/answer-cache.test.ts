import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode, encode, type Packet } from 'dns-packet';
import { AnswerCache } from './answer-cache.ts';

const query = (id: number, name = 'a.org'): Buffer => encode({ type: 'query', id, questions: [{ type: 'A', name }] });
const reply = (packet: Packet): Buffer => encode({ type: 'response', id: 1, questions: [{ type: 'A', name: 'a.org' }], ...packet });
const found = (ttl: number): Buffer => reply({ answers: [{ type: 'A', name: 'a.org', ttl, data: '192.0.2.1' }] });

test('kept as long as the TTL says, at most 30 s, with the time that is left', () => {
  let now = 0;
  const cache = new AnswerCache(() => now);
  cache.put(query(1), found(20));
  now = 5_000;
  const kept = decode(cache.get(query(9)) ?? Buffer.alloc(0));
  assert.equal(kept.id, 9);
  assert.equal(kept.answers?.[0] && 'ttl' in kept.answers[0] && kept.answers[0].ttl, 15);
  now = 20_000;
  assert.equal(cache.get(query(9)), undefined);
  cache.put(query(1), found(3_600));
  now = 51_000;
  assert.equal(cache.get(query(9)), undefined);
});

test('truncated ones, failures and denials without an SOA are not kept', () => {
  const cache = new AnswerCache();
  for (const packet of [found(0), reply({ flags: 2 }), reply({ flags: 3 }), reply({ flags: 0x200, answers: [] })]) {
    cache.put(query(1), packet);
    assert.equal(cache.get(query(1)), undefined);
  }
});

test('the oldest goes when there are too many', () => {
  const cache = new AnswerCache();
  for (let index = 0; index <= 10_000; index += 1) cache.put(query(1, `a${index}.org`), found(20));
  assert.equal(cache.size, 10_000);
  assert.equal(cache.get(query(1, 'a0.org')), undefined);
});

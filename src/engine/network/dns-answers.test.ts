import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DnsAnswers } from './dns-answers.ts';

const packet = (id: number, text: string): Buffer => Buffer.concat([Buffer.from([id >> 8, id & 255]), Buffer.from(text)]);

test('the same question is answered under its own ID, to whoever asked it before', () => {
  const answers = new DnsAnswers();
  answers.keep('udp a', packet(1, 'web?'), packet(1, 'web!'));
  const first = answers.find('udp a', packet(0x1234, 'web?'));
  const second = answers.find('udp a', packet(2, 'web?'));
  assert.deepEqual([first, second], [packet(0x1234, 'web!'), packet(2, 'web!')]);
  assert.equal(answers.find('udp b', packet(1, 'web?')), undefined);
  assert.equal(answers.find('tcp a', packet(1, 'web?')), undefined);
  assert.equal(answers.find('udp a', packet(1, 'db?')), undefined);
});

test('questions that are never the same do not pile up', () => {
  const answers = new DnsAnswers();
  for (let id = 0; id < 5000; id += 1) answers.keep('udp a', packet(0, `cookie ${id}`), packet(0, 'x'));
  assert.equal(answers.find('udp a', packet(0, 'cookie 0')), undefined);
  assert.ok(answers.find('udp a', packet(0, 'cookie 4999')));
});

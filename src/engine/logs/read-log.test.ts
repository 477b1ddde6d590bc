import assert from 'node:assert/strict';
import { appendFileSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { parseCriLine } from './cri-log.ts';
import { readLog } from './read-log.ts';
import { rotateLog } from './rotate-log.ts';

const folder = mkdtempSync(join(tmpdir(), 'davit-log-'));
after(() => rmSync(folder, { recursive: true }));

const both = { follow: false, stdout: true, stderr: true };
const never = new Promise(() => undefined);
const line = (second: number, text: string, stream = 'stdout', flag = 'F') =>
  `2026-01-02T03:04:${String(second).padStart(2, '0')}.000000001Z ${stream} ${flag} ${text}\n`;

async function texts(path: string, options: Parameters<typeof readLog>[1]): Promise<string> {
  const lines = await Array.fromAsync(readLog(path, options, Promise.resolve(), new AbortController().signal));
  return lines.map(({ data }) => data.toString()).join('');
}

test('a line of the log, also partial and in local time', () => {
  assert.deepEqual(parseCriLine(Buffer.from('2026-01-02T03:04:05.5+02:00 stderr F a b')), {
    stream: 'stderr',
    time: '2026-01-02T01:04:05.500000000Z',
    data: Buffer.from('a b\n'),
  });
  assert.equal(parseCriLine(Buffer.from('2026-01-02T03:04:05Z stdout P part'))?.data.toString(), 'part');
  assert.equal(parseCriLine(Buffer.from('garbage')), undefined);
});

test('tail, since, until and streams', async () => {
  const path = join(folder, 'a.log');
  writeFileSync(
    path,
    [1, 2, 3].map((second) => line(second, `l${second}`)).join('') +
      line(4, 'e4', 'stderr') +
      line(5, 'par', 'stdout', 'P') +
      line(5, 'tial'),
  );
  assert.equal(await texts(path, both), 'l1\nl2\nl3\ne4\npartial\n');
  assert.equal(await texts(path, { ...both, tail: 2 }), 'e4\npartial\n');
  assert.equal(await texts(path, { ...both, tail: 2, stderr: false }), 'l3\npartial\n');
  assert.equal(await texts(path, { ...both, tail: 0 }), '');
  assert.equal(await texts(path, { ...both, tail: 99 }), 'l1\nl2\nl3\ne4\npartial\n');
  assert.equal(await texts(path, { ...both, since: new Date('2026-01-02T03:04:04Z') }), 'e4\npartial\n');
  assert.equal(await texts(path, { ...both, until: new Date('2026-01-02T03:04:02Z') }), 'l1\nl2\n');
  assert.equal(await texts(join(folder, 'missing.log'), both), '');
});

test('tail finds its place in a file of many chunks', async () => {
  const path = join(folder, 'big.log');
  writeFileSync(path, Array.from({ length: 5000 }, (_, index) => line(1, `line ${index} ${'x'.repeat(50)}`)).join(''));
  const shown = await texts(path, { ...both, tail: 1500 });
  assert.equal(shown.split('\n').length - 1, 1500);
  assert.ok(shown.startsWith('line 3500 '));
});

test('follow shows what comes and ends with the container or the signal', async () => {
  const path = join(folder, 'f.log');
  writeFileSync(path, line(1, 'one'));
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const seen: string[] = [];
  for await (const { data } of readLog(path, { ...both, follow: true }, ended, new AbortController().signal)) {
    seen.push(data.toString());
    if (seen.length === 1) appendFileSync(path, line(2, 'two'));
    if (seen.length === 2) {
      appendFileSync(path, line(3, 'three'));
      end();
    }
  }
  assert.deepEqual(seen, ['one\n', 'two\n', 'three\n']);
  const controller = new AbortController();
  for await (const _ of readLog(path, { ...both, follow: true, tail: 1 }, never, controller.signal)) controller.abort();
});

test('rotated files are one log: all of it, its tail, and while it is followed', async () => {
  const path = join(folder, 'r.log');
  const lines = (from: number, to: number): string =>
    Array.from({ length: to - from }, (_, index) => line((from + index) % 60, `n${from + index}`)).join('');
  writeFileSync(`${path}.2`, lines(0, 10));
  writeFileSync(`${path}.1`, lines(10, 20));
  writeFileSync(path, lines(20, 25));
  writeFileSync(`${path}.old`, 'not ours');
  assert.equal((await texts(path, both)).split('\n').length - 1, 25);
  assert.equal(await texts(path, { ...both, tail: 7 }), 'n18\nn19\nn20\nn21\nn22\nn23\nn24\n');
  assert.equal((await texts(path, { ...both, tail: 16 })).split('\n')[0], 'n9');
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  const seen: string[] = [];
  const limits = { maxBytes: 10, maxFiles: 3 };
  for await (const { data } of readLog(path, { ...both, follow: true, tail: 1 }, ended, new AbortController().signal)) {
    seen.push(data.toString().trim());
    if (seen.length === 1) {
      // The writer still has the old file when it is renamed, and two rotations may pass while the reader is busy.
      rotateLog(path, limits, () => undefined);
      appendFileSync(`${path}.1`, line(25, 'n25'));
      writeFileSync(path, line(26, 'n26'));
      rotateLog(path, limits, () => undefined);
      appendFileSync(`${path}.1`, line(27, 'n27'));
      writeFileSync(path, line(28, 'n28'));
    }
    if (seen.length === 5) end();
  }
  assert.deepEqual(seen, ['n24', 'n25', 'n26', 'n27', 'n28']);
  assert.deepEqual(
    readdirSync(folder)
      .filter((name) => name.startsWith('r.log'))
      .toSorted(),
    ['r.log', 'r.log.1', 'r.log.2', 'r.log.old'],
  );
});

test('a rotation that was cut short is finished; a log of one file keeps none besides', () => {
  const path = join(folder, 'c.log');
  let asked = 0;
  const reopen = (): void => void asked++;
  writeFileSync(`${path}.1`, 'x');
  assert.equal(rotateLog(path, { maxBytes: 10, maxFiles: 3 }, reopen), true);
  assert.equal(asked, 1);
  writeFileSync(path, 'small');
  assert.equal(rotateLog(path, { maxBytes: 10, maxFiles: 3 }, reopen), false);
  assert.equal(rotateLog(path, { maxBytes: 10, maxFiles: 1 }, reopen), false);
  assert.ok(!existsSync(`${path}.1`));
});

test('following up to a moment ends then, though nothing more is said', async () => {
  const path = join(folder, 'u.log');
  writeFileSync(path, line(1, 'one'));
  const until = new Date(Date.now() + 50);
  const seen = await Array.fromAsync(readLog(path, { ...both, follow: true, until }, never, new AbortController().signal));
  assert.equal(seen.length, 1);
});

test('what is written while the tail is read is not part of it', async () => {
  const path = join(folder, 'w.log');
  writeFileSync(path, line(1, 'one') + line(2, 'two'));
  const reading = readLog(path, { ...both, tail: 1 }, Promise.resolve(), new AbortController().signal);
  const first = reading.next();
  for (let second = 3; second < 50; second++) appendFileSync(path, line(second, 'more'));
  const seen = [(await first).value, ...(await Array.fromAsync(reading))];
  assert.equal(seen.length, 1);
});

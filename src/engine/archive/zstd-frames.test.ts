import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { test } from 'node:test';
import { constants, zstdCompressSync } from 'node:zlib';
import { decompressZstd } from './zstd-frames.ts';

const skippable = Buffer.from('502a4d1804000000aabbccdd', 'hex');
const texts = ['one', 'x'.repeat(300_000), '', 'last'];
const checked = { params: { [constants.ZSTD_c_checksumFlag]: 1 } };
const frames = texts.map((text, index) => zstdCompressSync(text, index % 2 === 0 ? checked : {}));
const whole = Buffer.concat([skippable, ...frames.flatMap((frame) => [frame, skippable])]);

for (const size of [1, 3, 100, 100_000]) {
  test(`many frames, and frames to be skipped, in pieces of ${size} bytes`, async () => {
    const pieces = Array.from({ length: Math.ceil(whole.length / size) }, (_, index) => whole.subarray(index * size, (index + 1) * size));
    assert.equal((await buffer(Readable.from(decompressZstd(Readable.from(pieces))))).toString(), texts.join(''));
  });
}

test('what ends early or is no zstd is an error', async () => {
  for (const data of [whole.subarray(0, -2), whole.subarray(0, 45), Buffer.concat([frames[0] ?? skippable, Buffer.from('rubbish')])])
    await assert.rejects(buffer(Readable.from(decompressZstd(Readable.from([data])))), /damaged|unexpectedly|ends/);
});

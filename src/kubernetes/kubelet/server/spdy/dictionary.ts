import dictionary from './dictionary.json' with { type: 'json' };

/**
 * The zlib dictionary that both ends of SPDY/3 know: each word with its length in 4 bytes, then loose text.
 * https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1/#2.6.10.1
 */
export const spdyDictionary: Buffer = Buffer.concat([
  ...dictionary.words.flatMap((word) => [length(word), Buffer.from(word)]),
  Buffer.from(dictionary.tail),
]);

function length(word: string): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(word.length);
  return bytes;
}

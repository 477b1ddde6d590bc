import { constants, inflateRawSync } from 'node:zlib';
import { spdyDictionary } from './dictionary.ts';

export type Headers = Readonly<Record<string, string>>;

const windowBytes = 32 * 1024;
/** CMF and FLG of a zlib stream with a preset dictionary, and the dictionary's Adler-32. */
const zlibStart = Buffer.from([0x78, 0xbb, 0xe3, 0xc6, 0xa7, 0xc2]);

/**
 * All header blocks of one direction form one zlib stream, flushed after each block. Node has no inflate that is
 * synchronous and keeps its state, so each block is inflated with the last 32 KB of output as its dictionary.
 */
export class HeaderInflater {
  #window = spdyDictionary;
  #isFirst = true;

  read(block: Buffer): Headers {
    const deflated = this.#isFirst ? block.subarray(zlibStart.length) : block;
    this.#isFirst = false;
    const bytes = inflateRawSync(deflated, { dictionary: this.#window, finishFlush: constants.Z_SYNC_FLUSH });
    this.#window = Buffer.concat([this.#window, bytes]).subarray(-windowBytes);
    return decodePairs(bytes);
  }
}

/** Writes stored (uncompressed) deflate blocks: header, text, and the empty block `00 00 00 ff ff` that flushes. */
export class HeaderDeflater {
  #isFirst = true;

  write(headers: Headers): Buffer {
    const text = encodePairs(headers);
    const head = Buffer.alloc(5);
    head.writeUInt16LE(text.length, 1);
    head.writeUInt16LE(~text.length & 0xffff, 3);
    const start = this.#isFirst ? [zlibStart] : [];
    this.#isFirst = false;
    return Buffer.concat([...start, head, text, Buffer.from([0, 0, 0, 0xff, 0xff])]);
  }
}

/** Number of pairs, then each name and value with its length; numbers are 4 bytes. */
function encodePairs(headers: Headers): Buffer {
  const pairs = Object.entries(headers);
  return Buffer.concat([uint32(pairs.length), ...pairs.flat().flatMap((text) => [uint32(Buffer.byteLength(text)), Buffer.from(text)])]);
}

function decodePairs(bytes: Buffer): Headers {
  let offset = 4;
  const text = (): string => {
    const end = offset + 4 + bytes.readUInt32BE(offset);
    const found = bytes.toString('utf8', offset + 4, end);
    offset = end;
    return found;
  };
  return Object.fromEntries(Array.from({ length: bytes.readUInt32BE(0) }, () => [text().toLowerCase(), text()]));
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}

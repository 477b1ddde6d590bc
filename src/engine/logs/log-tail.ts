import type { LogOptions } from '../containers/containers.ts';
import { parseCriLine } from './cri-log.ts';
import type { LogFile } from './log-files.ts';

const chunkBytes = 65_536;

/** Where reading begins: a file, by its place in the list, and an offset in it. */
export interface LogPlace {
  readonly file: number;
  readonly offset: number;
}

/** The place of the first of the last `tail` lines of the wanted streams, read backwards from the end; parts of one line count once. */
export async function tailPlace(files: readonly LogFile[], options: LogOptions): Promise<LogPlace> {
  let wanted = options.tail ?? 0;
  for (const [file, each] of [...files.entries()].toReversed()) {
    const found = await tailOffset(each, options, wanted);
    if (found.offset !== undefined) return { file, offset: found.offset };
    wanted = found.left;
  }
  return { file: 0, offset: 0 };
}

/** `left`: lines still wanted when the file has too few. */
async function tailOffset(
  { handle, size }: LogFile,
  options: LogOptions,
  wanted: number,
): Promise<{ readonly offset: number | undefined; readonly left: number }> {
  let left = wanted;
  let position = size;
  if (left <= 0) return { offset: position, left };
  let rest: Buffer = Buffer.alloc(0);
  while (position > 0) {
    const length = Math.min(chunkBytes, position);
    position -= length;
    const chunk = Buffer.alloc(length);
    await handle.read(chunk, 0, length, position);
    rest = Buffer.concat([chunk, rest]);
    // Walk complete lines of `rest` from its end; the first one may be cut unless the file starts here.
    let end = rest.length;
    for (;;) {
      const before = end - 1 > 0 ? rest.lastIndexOf(0x0a, end - 2) : -1;
      if (before < 0 && position > 0) break;
      if (end <= before + 1) break;
      const line = parseCriLine(rest.subarray(before + 1, end).subarray(0, -1));
      const isWhole = line?.data.at(-1) === 0x0a;
      if (line && isWhole && options[line.stream]) {
        if (left === 0) return { offset: position + end, left };
        left--;
      }
      end = before + 1;
      if (before < 0) break;
    }
    rest = rest.subarray(0, end);
  }
  return { offset: undefined, left };
}

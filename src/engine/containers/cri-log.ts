import { open, type FileHandle } from 'node:fs/promises';
import { watch } from 'node:fs';
import { systemCode } from '../../base/errors.ts';
import type { LogLine, LogOptions } from './containers.ts';

/** `2026-01-02T03:04:05.123456789+00:00 stdout F hello`; P = part of a longer line, the rest follows. */
export function parseCriLine(line: Buffer): LogLine | undefined {
  const first = line.indexOf(0x20);
  const second = line.indexOf(0x20, first + 1);
  const third = line.indexOf(0x20, second + 1);
  if (first <= 0 || second < 0 || third < 0) return undefined;
  const stream = line.toString('latin1', first + 1, second);
  if (stream !== 'stdout' && stream !== 'stderr') return undefined;
  const text = line.subarray(third + 1);
  const isPartial = line.toString('latin1', second + 1, third).startsWith('P');
  return { stream, time: utcTime(line.toString('latin1', 0, first)), data: isPartial ? text : Buffer.concat([text, Buffer.from('\n')]) };
}

/** Local time with offset → UTC, keeping the nanoseconds. */
function utcTime(text: string): string {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)$/.exec(text);
  if (!match) return text;
  const [, seconds = '', fraction = '', zone = 'Z'] = match;
  const utc = zone === 'Z' || zone === '+00:00' ? seconds : new Date(`${seconds}${zone}`).toISOString().slice(0, 19);
  return `${utc}${fraction.padEnd(10, '0').replace(/^0/, '.')}Z`;
}

const chunkBytes = 65_536;

/**
 * Lines of a log file. Tail reads backwards from the end in chunks; follow goes on until `ended` resolves (then to the
 * end of the file) or the signal aborts. `since` is inclusive.
 */
export async function* readLog(path: string, options: LogOptions, ended: Promise<unknown>, signal: AbortSignal): AsyncGenerator<LogLine> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return;
    throw error;
  }
  try {
    const start = options.tail === undefined ? 0 : await tailOffset(file, options);
    for await (const raw of rawLines(file, path, start, options.follow, ended, signal)) {
      const line = parseCriLine(raw);
      if (!line || !options[line.stream]) continue;
      const at = Date.parse(line.time);
      if (options.since && at < options.since.getTime()) continue;
      if (options.until && at > options.until.getTime()) return;
      yield line;
    }
  } finally {
    await file.close();
  }
}

/** Offset of the first of the last `tail` lines of the wanted streams; parts of one line count once. */
async function tailOffset(file: FileHandle, options: LogOptions): Promise<number> {
  const { size } = await file.stat();
  let position = size;
  let wanted = options.tail ?? 0;
  if (wanted <= 0) return size;
  let rest: Buffer = Buffer.alloc(0);
  while (position > 0) {
    const length = Math.min(chunkBytes, position);
    position -= length;
    const chunk = Buffer.alloc(length);
    await file.read(chunk, 0, length, position);
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
        if (wanted === 0) return position + end;
        wanted--;
      }
      end = before + 1;
      if (before < 0) break;
    }
    rest = rest.subarray(0, end);
  }
  return 0;
}

async function* rawLines(
  file: FileHandle,
  path: string,
  start: number,
  follow: boolean,
  ended: Promise<unknown>,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  let position = start;
  let rest: Buffer = Buffer.alloc(0);
  let hasEnded = !follow;
  using changes = new FileChanges(path, follow);
  const over = ended.then(() => {
    hasEnded = true;
    changes.wake();
  });
  over.catch(() => undefined);
  const onAbort = (): void => changes.wake();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    while (!signal.aborted) {
      const isLast = hasEnded;
      const chunk = Buffer.alloc(chunkBytes);
      const { bytesRead } = await file.read(chunk, 0, chunkBytes, position);
      if (bytesRead > 0) {
        position += bytesRead;
        rest = Buffer.concat([rest, chunk.subarray(0, bytesRead)]);
        for (let newline = rest.indexOf(0x0a); newline >= 0; newline = rest.indexOf(0x0a)) {
          yield rest.subarray(0, newline);
          rest = rest.subarray(newline + 1);
        }
      } else if (isLast) return;
      else if (!hasEnded) await changes.next();
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** A change that comes between two waits is not lost. */
class FileChanges implements Disposable {
  readonly #watcher: ReturnType<typeof watch> | undefined;
  #pending = false;
  #resolve: (() => void) | undefined;

  constructor(path: string, isNeeded: boolean) {
    if (!isNeeded) return;
    this.#watcher = watch(path, { persistent: false }, () => this.wake());
    this.#watcher.on('error', () => this.wake());
  }

  wake(): void {
    this.#pending = true;
    this.#resolve?.();
  }

  async next(): Promise<void> {
    if (!this.#pending) await new Promise<void>((resolve) => (this.#resolve = resolve));
    this.#pending = false;
    this.#resolve = undefined;
  }

  [Symbol.dispose](): void {
    this.#watcher?.close();
  }
}

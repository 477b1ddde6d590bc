import type { FileHandle } from 'node:fs/promises';
import type { LogLine, LogOptions } from '../containers/containers.ts';
import { parseCriLine } from './cri-log.ts';
import { LogChanges, type LogFile, openLogFiles, openNewer } from './log-files.ts';
import { tailPlace } from './log-tail.ts';

const chunkBytes = 65_536;

/**
 * Lines of a log, over all its files. Follow goes on until `ended` resolves (then to the end of the newest file),
 * `until` is reached or the signal aborts. `since` is inclusive.
 */
export async function* readLog(path: string, options: LogOptions, ended: Promise<unknown>, signal: AbortSignal): AsyncGenerator<LogLine> {
  const left = options.follow && options.until ? Math.max(0, options.until.getTime() - Date.now()) : undefined;
  const stop = left === undefined ? signal : AbortSignal.any([signal, AbortSignal.timeout(left)]);
  for await (const raw of rawLines(path, options, ended, stop)) {
    const line = parseCriLine(raw);
    if (!line || !options[line.stream]) continue;
    const at = Date.parse(line.time);
    if (options.since && at < options.since.getTime()) continue;
    if (options.until && at > options.until.getTime()) return;
    yield line;
  }
}

async function* rawLines(path: string, options: LogOptions, ended: Promise<unknown>, signal: AbortSignal): AsyncGenerator<Buffer> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks(path, options, ended, signal)) {
    rest = Buffer.concat([rest, chunk]);
    for (let newline = rest.indexOf(0x0a); newline >= 0; newline = rest.indexOf(0x0a)) {
      yield rest.subarray(0, newline);
      rest = rest.subarray(newline + 1);
    }
  }
}

/** What all files say, one after the other; a line may begin in one and end in the next. */
async function* chunks(path: string, options: LogOptions, ended: Promise<unknown>, signal: AbortSignal): AsyncGenerator<Buffer> {
  const files: LogFile[] = [...(await openLogFiles(path))];
  const { follow, tail } = options;
  try {
    if (files.length === 0) return;
    const start = tail === undefined ? { file: 0, offset: 0 } : await tailPlace(files, options);
    for (const [index, { handle }] of files.entries()) {
      if (index < start.file || index === files.length - 1) continue;
      yield* wholeFile(handle, index === start.file ? start.offset : 0, signal);
    }
    const last = files.length - 1;
    const offset = start.file === last ? start.offset : 0;
    const newest = files[last] as LogFile;
    if (follow) yield* following(path, files, newest, offset, ended, signal);
    // What is written from now on is not asked for: the last line is the last when it was asked.
    else yield* wholeFile(newest.handle, offset, signal, newest.size);
  } finally {
    await Promise.all(files.map(({ handle }) => handle.close()));
  }
}

/** To the end of the file or to `end`; returns where that is. */
async function* wholeFile(handle: FileHandle, offset: number, signal: AbortSignal, end = Infinity): AsyncGenerator<Buffer, number> {
  const buffer = Buffer.alloc(chunkBytes);
  let position = offset;
  while (!signal.aborted) {
    const { bytesRead } = await handle.read(buffer, 0, Math.min(chunkBytes, end - position), position);
    if (bytesRead === 0) break;
    position += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
  return position;
}

/** The newest file and those that rotation begins after it. Opened ones are added to `files`, which the caller closes. */
async function* following(
  path: string,
  files: LogFile[],
  from: LogFile,
  offset: number,
  ended: Promise<unknown>,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  let hasEnded = false;
  using changes = new LogChanges(path, true);
  const wake = (): void => changes.wake();
  ended.then(
    () => {
      hasEnded = true;
      wake();
    },
    () => undefined,
  );
  signal.addEventListener('abort', wake, { once: true });
  try {
    let current = from;
    let position = offset;
    while (!signal.aborted) {
      const isLast = hasEnded;
      position = yield* wholeFile(current.handle, position, signal);
      const newer = await openNewer(path, current);
      if (newer) {
        files.push(newer);
        // Only now nobody writes to the old one any more.
        yield* wholeFile(current.handle, position, signal);
        [current, position] = [newer, 0];
      } else if (isLast) return;
      else if (!hasEnded) await changes.next();
    }
  } finally {
    signal.removeEventListener('abort', wake);
  }
}

import { access, open, readdir, rename, stat, unlink, type FileHandle } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { messageOf } from '../../../base/errors.ts';
import type { Log } from '../../../base/log.ts';

export interface AuditFileOptions {
  readonly path: string;
  /** A file that would grow beyond this is put aside first. */
  readonly maxBytes: number;
  /** How many that were put aside stay, and for how long; 0: all, for ever. */
  readonly maxBackups: number;
  readonly maxAgeDays: number;
}

/** Lines that wait for the disk at most; what comes beyond is counted and lost, so that a slow disk slows nobody. */
const mostWaiting = 10_000;

/**
 * Appends lines, in order, without anybody waiting:
 *
 *   write(line) ──► waiting ──one write for all that wait──► audit.log ──full──► audit-2026-01-02T03-04-05.678.log
 */
export class AuditFile implements AsyncDisposable {
  readonly #options: AuditFileOptions;
  readonly #log: Log;
  #waiting: string[] = [];
  #lost = 0;
  #writing: Promise<void> | undefined;
  #file: FileHandle;
  #size: number;

  private constructor(options: AuditFileOptions, log: Log, file: FileHandle, size: number) {
    this.#options = options;
    this.#log = log;
    this.#file = file;
    this.#size = size;
  }

  static async open(options: AuditFileOptions, log: Log): Promise<AuditFile> {
    const file = await open(options.path, 'a', 0o600);
    return new AuditFile(options, log, file, (await stat(options.path)).size);
  }

  write(line: string): void {
    if (this.#waiting.length >= mostWaiting) {
      this.#lost += 1;
      return;
    }
    this.#waiting.push(line);
    this.#writing ??= this.#drain();
  }

  /** Everything written so far is in the file. */
  async [Symbol.asyncDispose](): Promise<void> {
    while (this.#writing) await this.#writing;
    await this.#file.close();
  }

  async #drain(): Promise<void> {
    while (this.#waiting.length > 0) {
      const text = Buffer.from(`${this.#waiting.join('\n')}\n`);
      this.#waiting = [];
      try {
        if (this.#size > 0 && this.#size + text.length > this.#options.maxBytes) await this.#rotate();
        await this.#file.appendFile(text);
        this.#size += text.length;
      } catch (error) {
        this.#log.error({ error: messageOf(error), path: this.#options.path }, 'audit events were lost: the log cannot be written');
      }
      if (this.#lost > 0) this.#log.error({ lost: this.#lost }, 'audit events were lost: the disk is too slow for them');
      this.#lost = 0;
    }
    this.#writing = undefined;
  }

  async #rotate(): Promise<void> {
    const { path } = this.#options;
    await rename(path, await unusedName(path, Date.now()));
    const full = this.#file;
    this.#file = await open(path, 'a', 0o600);
    this.#size = 0;
    await full.close();
    await this.#forgetOld();
  }

  async #forgetOld(): Promise<void> {
    const { path, maxBackups, maxAgeDays } = this.#options;
    const [folder, end] = [dirname(path), extname(path)];
    const start = `${basename(path, end)}-`;
    const isBackup = (name: string): boolean =>
      name.startsWith(start) && name.endsWith(end) && /^\d{4}-\d\d-\d\dT[\d.-]+$/.test(name.slice(start.length, name.length - end.length));
    const newestFirst = (await readdir(folder)).filter(isBackup).toSorted().toReversed();
    const oldest = new Date(Date.now() - maxAgeDays * 86_400_000).toISOString().replaceAll(':', '-');
    const isOld = (name: string, index: number): boolean =>
      (maxBackups > 0 && index >= maxBackups) || (maxAgeDays > 0 && name.slice(start.length) < oldest);
    await Promise.all(newestFirst.filter(isOld).map((name) => unlink(join(folder, name))));
  }
}

/** `audit.log` → `audit-2026-01-02T03-04-05.678.log`, a moment later where there is one already: nothing is written over. */
async function unusedName(path: string, at: number): Promise<string> {
  const end = extname(path);
  const time = new Date(at).toISOString().replaceAll(':', '-').replace('Z', '');
  const name = `${path.slice(0, path.length - end.length)}-${time}${end}`;
  const isTaken = await access(name).then(
    () => true,
    () => false,
  );
  return isTaken ? unusedName(path, at + 1) : name;
}

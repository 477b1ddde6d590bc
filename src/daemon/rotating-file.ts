import { access, open, readdir, rename, stat, unlink, type FileHandle } from 'node:fs/promises';
import { basename, dirname, extname, join } from 'node:path';
import { messageOf } from '../base/errors.ts';
import type { Log } from '../base/log.ts';

export interface RotatingFileOptions {
  /** What its lines are, as errors call them: `audit events`. */
  readonly holds: string;
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
export class RotatingFile implements AsyncDisposable {
  readonly #options: RotatingFileOptions;
  readonly #log: Log;
  #waiting: string[] = [];
  #lost = 0;
  #writing: Promise<void> | undefined;
  #file: FileHandle;
  #size: number;

  private constructor(options: RotatingFileOptions, log: Log, file: FileHandle, size: number) {
    this.#options = options;
    this.#log = log;
    this.#file = file;
    this.#size = size;
  }

  static async open(options: RotatingFileOptions, log: Log): Promise<RotatingFile> {
    const file = await open(options.path, 'a', 0o600);
    return new RotatingFile(options, log, file, (await stat(options.path)).size);
  }

  write(line: string): void {
    if (this.#waiting.length >= mostWaiting) {
      this.#lost += 1;
      return;
    }
    this.#waiting.push(line);
    this.#writing ??= this.#drain();
  }

  /** Resolves when everything written so far is in the file. */
  async flush(): Promise<void> {
    while (this.#writing) await this.#writing;
  }

  /** Lines of all that is kept, oldest first. */
  async *lines(): AsyncGenerator<string> {
    await this.flush();
    for (const path of [...(await this.#backups()), this.#options.path]) {
      // One that was put aside last may have been forgotten meanwhile.
      const file = await open(path).catch(() => undefined);
      if (file) yield* file.readLines();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.flush();
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
        this.#log.error(
          { error: messageOf(error), path: this.#options.path },
          `${this.#options.holds} were lost: the log cannot be written`,
        );
      }
      if (this.#lost > 0) this.#log.error({ lost: this.#lost }, `${this.#options.holds} were lost: the disk is too slow for them`);
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

  /** Paths of what was put aside, oldest first. */
  async #backups(): Promise<string[]> {
    const { path } = this.#options;
    const [folder, end] = [dirname(path), extname(path)];
    const start = `${basename(path, end)}-`;
    const isBackup = (name: string): boolean =>
      name.startsWith(start) && name.endsWith(end) && /^\d{4}-\d\d-\d\dT[\d.-]+$/.test(name.slice(start.length, name.length - end.length));
    const names = (await readdir(folder)).filter(isBackup).toSorted();
    return names.map((name) => join(folder, name));
  }

  async #forgetOld(): Promise<void> {
    const { path, maxBackups, maxAgeDays } = this.#options;
    const newestFirst = (await this.#backups()).toReversed();
    const oldest = `${path.slice(0, -extname(path).length)}-${nameTime(Date.now() - maxAgeDays * 86_400_000)}`;
    const isOld = (backup: string, index: number): boolean =>
      (maxBackups > 0 && index >= maxBackups) || (maxAgeDays > 0 && backup < oldest);
    await Promise.all(newestFirst.filter(isOld).map((backup) => unlink(backup)));
  }
}

/** `2026-01-02T03-04-05.678` */
function nameTime(at: number): string {
  return new Date(at).toISOString().replaceAll(':', '-').replace('Z', '');
}

/** `audit.log` → `audit-2026-01-02T03-04-05.678.log`, a moment later where there is one already: nothing is written over. */
async function unusedName(path: string, at: number): Promise<string> {
  const end = extname(path);
  const name = `${path.slice(0, path.length - end.length)}-${nameTime(at)}${end}`;
  const isTaken = await access(name).then(
    () => true,
    () => false,
  );
  return isTaken ? unusedName(path, at + 1) : name;
}

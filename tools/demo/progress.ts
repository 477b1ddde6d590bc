import { styleText } from 'node:util';
import type { WriteStream } from 'node:tty';

/** Tells what a row is at. */
export type Report = (detail: string) => void;

interface Row {
  readonly title: string;
  readonly began: number;
  detail: string;
  outcome: 'running' | 'done' | 'failed' | 'stopped';
  endedAt?: number;
}

const marks = { running: '…', done: '✓', failed: '✗', stopped: '·' } as const;
const colours = { running: 'cyan', done: 'green', failed: 'red', stopped: 'dim' } as const;
const titleWidth = 26;

/**
 * Sections of rows that line up:
 *
 *     Images
 *       ✓ debian:bookworm-slim      77.6 MB from this machine's mirror          19.8 s
 *       … voting-app/vote:1.0       step 2/9 RUN apt-get update …                3.1 s
 *
 * A terminal shows all rows of a section as they change; anything else gets each row once, when it ended.
 */
export class Progress {
  readonly #output: WriteStream;

  constructor(output: WriteStream) {
    this.#output = output;
  }

  async section(title: string, body: (rows: Section) => Promise<unknown>): Promise<void> {
    this.#output.write(`${paint('bold', title, this.#output)}\n`);
    const section = new Section(this.#output);
    try {
      await body(section);
    } finally {
      section.end();
    }
  }
}

export class Section {
  readonly #output: WriteStream;
  readonly #rows: Row[] = [];
  #drawn = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(output: WriteStream) {
    this.#output = output;
    if (output.isTTY) this.#timer = setInterval(() => this.#draw(), 100).unref();
  }

  /** Runs `work` as a row; what it returns, if text, is the row's last detail. */
  async row<T>(title: string, work: (report: Report) => Promise<T>): Promise<T> {
    const row: Row = { title, began: performance.now(), detail: '', outcome: 'running' };
    this.#rows.push(row);
    try {
      const result = await work((detail) => {
        row.detail = detail;
      });
      if (typeof result === 'string') row.detail = result;
      row.outcome = 'done';
      return result;
    } catch (error) {
      row.outcome = isAbort(error) ? 'stopped' : 'failed';
      throw error;
    } finally {
      row.endedAt = performance.now();
      if (!this.#output.isTTY) this.#output.write(`${this.#line(row, 120)}\n`);
    }
  }

  end(): void {
    clearInterval(this.#timer);
    if (this.#output.isTTY) this.#draw();
  }

  #draw(): void {
    const up = this.#drawn > 0 ? `\u001B[${this.#drawn}A` : '';
    const lines = this.#rows.map((row) => `\u001B[2K${this.#line(row, this.#output.columns || 80)}\n`);
    this.#output.write(up + lines.join(''));
    this.#drawn = this.#rows.length;
  }

  #line(row: Row, width: number): string {
    const seconds = `${(((row.endedAt ?? performance.now()) - row.began) / 1000).toFixed(1)} s`.padStart(8);
    const room = Math.max(8, width - titleWidth - seconds.length - 6);
    const mark = paint(colours[row.outcome], marks[row.outcome], this.#output);
    return `  ${mark} ${fit(row.title, titleWidth)} ${fit(row.detail, room)}${paint('dim', seconds, this.#output)}`;
  }
}

function fit(text: string, width: number): string {
  const flat = text.replaceAll(/\s+/g, ' ').trim();
  return (flat.length > width ? `${flat.slice(0, width - 1)}…` : flat).padEnd(width);
}

function paint(style: Parameters<typeof styleText>[0], text: string, stream: WriteStream): string {
  return styleText(style, text, { stream });
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && error.name === 'AbortError';
}

import { stripVTControlCharacters, styleText } from 'node:util';
import { warningText } from './findings.ts';
import { seconds, stepNames, type Step, type StepEvent } from './step-names.ts';

interface StepState {
  state: 'waiting' | 'running' | 'done' | 'cached' | 'failed';
  began: number;
  ended: number;
  /** The last lines of its output. */
  tail: string[];
}

export interface Terminal {
  readonly columns: number;
  readonly rows: number;
  write(text: string): void;
}

/** Lines of output under a running step. */
const shownLines = 6;

/**
 * The steps of all stages as a list that is drawn again and again in place: what is done with its time, what runs with
 * the end of its output.
 *
 *   ✓ [compile 2/3] COPY . .                            0.1s
 *   ⠋ [compile 3/3] RUN make                            3.2s
 *     │ cc -c main.c
 */
export class TreeProgress {
  readonly #terminal: Terminal;
  readonly #now: () => number;
  readonly #timer: NodeJS.Timeout;
  #steps: readonly Step[] = [];
  #names: ReadonlyMap<number, string> = new Map();
  readonly #states = new Map<number, StepState>();
  #warning = '';
  readonly #said: string[] = [];
  #drawn = 0;
  #frame = 0;

  constructor(terminal: Terminal, now: () => number = () => performance.now()) {
    this.#terminal = terminal;
    this.#now = now;
    this.#timer = setInterval(() => this.draw(), 100).unref();
  }

  take(event: StepEvent): void {
    if (event.do === 'plan') {
      this.#steps = event.steps;
      this.#names = stepNames(event.steps);
      for (const { number } of event.steps) this.#states.set(number, { state: 'waiting', began: 0, ended: 0, tail: [] });
      return;
    }
    if (event.do === 'warn') return void (this.#warning = warningText(event.report));
    if (event.do === 'say') return void this.#said.push(event.text);
    const step = this.#states.get(event.step);
    if (!step) return;
    if (event.do === 'begin') [step.state, step.began] = ['running', this.#now()];
    else if (event.do === 'end') [step.state, step.ended] = [event.how, this.#now()];
    else if (event.do === 'log' || !event.text.startsWith(' --->')) step.tail = tailOf(step.tail, event.text);
  }

  /** The last picture, and what was said about the whole build. */
  close(): void {
    clearInterval(this.#timer);
    this.draw();
    this.#terminal.write(this.#said.join('') + this.#warning);
  }

  draw(): void {
    const lines = this.lines();
    this.#frame += 1;
    const up = this.#drawn > 0 ? `\u001B[${this.#drawn}A\r` : '';
    this.#terminal.write(`${up}${lines.map((line) => `${line}\u001B[K\n`).join('')}\u001B[J`);
    this.#drawn = lines.length;
  }

  /** As many lines as fit; those that run go first when they do not. */
  lines(): readonly string[] {
    const all = this.#steps.filter(({ number }) => this.#states.get(number)?.state !== 'waiting').map((step) => this.#linesOf(step));
    const room = Math.max(3, this.#terminal.rows - 2);
    while (all.length > 1 && all.flat().length > room) {
      const settled = all.findIndex((lines) => lines.length === 1);
      all.splice(settled < 0 ? 0 : settled, 1);
    }
    return all.flat().slice(-room);
  }

  #linesOf({ number }: Step): readonly string[] {
    const step = this.#states.get(number);
    if (!step) return [];
    const { state, began, ended, tail } = step;
    const time = state === 'cached' ? 'cached' : seconds((state === 'running' ? this.#now() : ended) - began);
    const width = Math.max(20, this.#terminal.columns - time.length - 4);
    const name = this.#names.get(number) ?? '';
    const fitted = name.length > width ? `${name.slice(0, width - 1)}…` : name.padEnd(width);
    const head = `${this.#mark(state)} ${fitted} ${styleText('dim', time)}`;
    if (state !== 'running' && state !== 'failed') return [head];
    const shown = tail.slice(-shownLines).map((line) => styleText('dim', `  │ ${line.slice(0, Math.max(10, this.#terminal.columns - 5))}`));
    return [head, ...shown];
  }

  #mark(state: StepState['state']): string {
    if (state === 'failed') return styleText('red', '✗');
    if (state === 'running') return styleText('cyan', '⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏'[this.#frame % 10] ?? '·');
    return styleText('green', '✓');
  }
}

/** The last line may still grow. */
function tailOf(tail: readonly string[], text: string): string[] {
  const [first = '', ...more] = stripVTControlCharacters(text).split(/\r?\n|\r/);
  const grown = [...tail.slice(0, -1), (tail.at(-1) ?? '') + first, ...more];
  return grown.slice(-shownLines - 1);
}

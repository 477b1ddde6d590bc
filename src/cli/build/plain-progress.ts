import { warningText } from './findings.ts';
import { seconds, stepNames, type StepEvent } from './step-names.ts';

/** One line after the other, each with its step's number, for logs and pipes. */
export class PlainProgress {
  readonly #write: (text: string) => void;
  readonly #now: () => number;
  #names: ReadonlyMap<number, string> = new Map();
  #warning = '';
  readonly #began = new Map<number, number>();
  /** Output that has no end of line yet. */
  readonly #rests = new Map<number, string>();

  constructor(write: (text: string) => void, now: () => number = () => performance.now()) {
    this.#write = write;
    this.#now = now;
  }

  take(event: StepEvent): void {
    if (event.do === 'plan') this.#names = stepNames(event.steps);
    else if (event.do === 'warn') this.#warning = warningText(event.report);
    else if (event.do === 'say') this.#write(event.text);
    else if (event.do === 'begin') {
      this.#began.set(event.step, this.#now());
      this.#write(`#${event.step} ${this.#names.get(event.step) ?? ''}\n`);
    } else if (event.do === 'end') {
      this.#line(event.step, '', 'end');
      this.#write(`#${event.step} ${event.how.toUpperCase()}${event.how === 'cached' ? '' : ` ${seconds(this.#spent(event.step))}`}\n`);
    } else if (event.do === 'log' || !event.text.startsWith(' --->')) this.#line(event.step, event.text, 'more');
  }

  close(): void {
    for (const step of this.#rests.keys()) this.#line(step, '', 'end');
    this.#write(this.#warning);
  }

  #spent(step: number): number {
    return this.#now() - (this.#began.get(step) ?? this.#now());
  }

  #line(step: number, text: string, state: 'more' | 'end'): void {
    const lines = ((this.#rests.get(step) ?? '') + text).split(/\r?\n/);
    const rest = lines.pop() ?? '';
    this.#rests.set(step, state === 'more' ? rest : '');
    if (state === 'end' && rest !== '') lines.push(rest);
    for (const line of lines) this.#write(`#${step} ${(this.#spent(step) / 1000).toFixed(3)} ${line}\n`);
  }
}

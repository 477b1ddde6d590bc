import { shortId } from '../../base/ids.ts';
import type { BuildEvent, PlannedStep } from './events.ts';

/**
 * A build's events as the classic builder prints them, one stage after the other: what a later stage says is held back
 * until those before it have ended, so that `Step 3/9` is never followed by `Step 7/9`.
 */
export class ClassicOutput {
  readonly #write: (text: string) => void;
  #steps: readonly PlannedStep[] = [];
  /** Stages in order, each with the text that waits. */
  #stages: { readonly last: number; held: string; isOver: boolean }[] = [];

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  take(event: BuildEvent): void {
    if (event.do === 'plan') return this.#plan(event.steps);
    if (event.do === 'warn') return;
    if (event.do === 'say') {
      this.flush();
      return this.#write(event.text);
    }
    const stage = this.#stages.find(({ last }) => event.step <= last);
    if (!stage) throw new Error(`step ${event.step} is not in the plan`);
    stage.held += this.#textOf(event);
    stage.isOver ||= event.do === 'end' && event.step === stage.last;
    this.#release();
  }

  /** Everything that is held back, stage by stage: the build has ended. */
  flush(): void {
    for (const stage of this.#stages) this.#let(stage);
  }

  #plan(steps: readonly PlannedStep[]): void {
    this.#steps = steps;
    const lasts = steps.filter((step, index) => steps[index + 1]?.stage !== step.stage);
    this.#stages = lasts.map(({ number }) => ({ last: number, held: '', isOver: false }));
  }

  #release(): void {
    for (const stage of this.#stages) {
      this.#let(stage);
      if (!stage.isOver) return;
    }
  }

  #let(stage: { held: string }): void {
    if (stage.held !== '') this.#write(stage.held);
    stage.held = '';
  }

  #textOf(event: Exclude<BuildEvent, { do: 'plan' | 'say' | 'warn' }>): string {
    if (event.do === 'begin') return `Step ${event.step}/${this.#steps.length} : ${this.#steps[event.step - 1]?.text ?? ''}\n`;
    if (event.do !== 'end') return event.text;
    const id = event.image === undefined ? '' : ` ---> ${shortId(event.image)}\n`;
    return event.how === 'cached' ? ` ---> Using cache\n${id}` : id;
  }
}

/**
 * One run for all that ask while another goes on: whoever asks gets the result of a run that began after it asked.
 *
 *   ask A ─► run 1 ………… ─► A
 *   ask B, ask C ─── wait ─► run 2 ─► B, C
 */
export class SharedRun<T> {
  readonly #act: () => Promise<T>;
  #running: Promise<T> | undefined;
  #next: Promise<T> | undefined;

  constructor(act: () => Promise<T>) {
    this.#act = act;
  }

  run(): Promise<T> {
    if (!this.#running) return this.#start();
    const running = this.#running.catch(() => undefined);
    this.#next ??= running.then(() => {
      this.#next = undefined;
      return this.#start();
    });
    return this.#next;
  }

  #start(): Promise<T> {
    const running = this.#act().finally(() => {
      if (this.#running === running) this.#running = undefined;
    });
    this.#running = running;
    return running;
  }
}

import { delay } from '../../src/base/abort.ts';
import type { Random } from './crash-load.ts';
import { type Answer, dockerApi } from './docker-api.ts';

export interface ImageSources {
  readonly socket: string;
  /** A name in a registry. */
  readonly remote: string;
  /** What `docker save` wrote of `loaded:1`. */
  readonly archive: Buffer;
  /** A build context that wants the argument X. */
  readonly context: Buffer;
  /** A stopped container that has written something. */
  readonly container: string;
}

/** Clients that pull, load, build, commit, remove and prune images at the same time until the engine goes away under them. */
export class CrashImages {
  readonly #sources: ImageSources;
  readonly #random: Random;
  /** Names that were acknowledged and that nothing can have removed since. */
  readonly #kept = new Set<string>();
  #prunes = 0;
  #turn = 0;
  readonly counts: Record<string, number> = {};
  /** What is being asked of the engine now, how often. */
  readonly underWay: Record<string, number> = {};

  constructor(sources: ImageSources, random: Random) {
    this.#sources = sources;
    this.#random = random;
  }

  get kept(): ReadonlySet<string> {
    return this.#kept;
  }

  /** Ends when the engine no longer answers anybody. */
  async run(what: 'all' | 'only builds'): Promise<void> {
    const { remote, archive, container } = this.#sources;
    const [image, tag] = [remote.replace(/:[^:]*$/, ''), remote.replace(/^.*:/, '')];
    if (what === 'only builds') {
      await Promise.all([this.#lane(() => this.#build('built')), this.#lane(() => this.#build('beside'))]);
      return;
    }
    await Promise.all([
      this.#lane(() => this.#make('pull', remote, `/images/create?fromImage=${encodeURIComponent(image)}&tag=${tag}`)),
      this.#lane(() => this.#make('load', 'loaded:1', '/images/load', archive)),
      this.#lane(() => this.#build('built')),
      this.#lane(() => {
        const number = this.#number(3);
        return this.#make('commit', `committed:${number}`, `/commit?container=${container}&repo=committed&tag=${number}`);
      }),
      this.#lane(() => this.#prune()),
    ]);
  }

  /** Of lanes that run at once, each has names of its own: none removes what another has just made. */
  #build(repository: string): Promise<void> {
    const name = `${repository}:${this.#number(3)}`;
    const query = new URLSearchParams({ t: name, buildargs: JSON.stringify({ X: String(this.#number(1e6)) }) });
    return this.#make('build', name, `/build?${query.toString()}`, this.#sources.context);
  }

  async #lane(step: () => Promise<void>): Promise<void> {
    for (;;) {
      try {
        await step();
        await delay(this.#random() * 50);
      } catch {
        return;
      }
    }
  }

  /** Makes an image that was not there, most times. */
  async #make(verb: string, name: string, path: string, body?: Buffer): Promise<void> {
    if (this.#random() < 0.7) {
      this.#kept.delete(name);
      await this.#ask('DELETE', `/images/${name}?force=1`);
    }
    const prunes = this.#prunes;
    const { status, body: text } = await this.#during(verb, () => this.#ask('POST', path, body));
    const isDone = status < 300 && !/"error"/.test(text);
    this.#count(isDone ? verb : `${verb} refused`);
    // What was pruned meanwhile may be gone, or may not.
    if (isDone && prunes === this.#prunes && this.#prunes % 2 === 0) this.#kept.add(name);
  }

  /** Killed in the middle, it stays under way until `settle`. */
  async #during<T>(verb: string, work: () => Promise<T>): Promise<T> {
    this.underWay[verb] = (this.underWay[verb] ?? 0) + 1;
    const result = await work();
    this.underWay[verb] -= 1;
    return result;
  }

  async #prune(): Promise<void> {
    this.#turn += 1;
    await this.#during('prune', () => this.#pruneOne());
    this.#count('prune');
    await delay(this.#random() * 200);
  }

  async #pruneOne(): Promise<void> {
    if (this.#turn % 3 === 0) {
      await this.#ask('POST', this.#random() < 0.5 ? '/build/prune?all=1' : '/build/prune');
    } else if (this.#random() < 0.6) {
      await this.#ask('POST', '/images/prune');
    } else {
      // Odd while one is under way.
      this.#prunes += 1;
      this.#kept.clear();
      await this.#ask('POST', `/images/prune?filters=${encodeURIComponent('{"dangling":["false"]}')}`);
      this.#prunes += 1;
    }
  }

  /** The engine is back: no prune is under way any more. */
  settle(): void {
    this.#prunes += this.#prunes % 2;
    for (const verb of Object.keys(this.underWay)) this.underWay[verb] = 0;
  }

  #ask(method: string, path: string, body?: Buffer): Promise<Answer> {
    return dockerApi(this.#sources.socket, method, path, body);
  }

  #count(what: string): void {
    this.counts[what] = (this.counts[what] ?? 0) + 1;
  }

  #number(below: number): number {
    return Math.floor(this.#random() * below);
  }
}

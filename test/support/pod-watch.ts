import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Machine } from './machine.ts';

export interface SeenPod {
  readonly name: string;
  readonly ready: boolean;
  readonly restarts: number;
}

const columns = [
  'NAME:.metadata.name',
  'READY:.status.containerStatuses[0].ready',
  'RESTARTS:.status.containerStatuses[0].restartCount',
  'DELETED:.metadata.deletionTimestamp',
].join(',');

/** `kubectl get pods --watch` of a selector: what was last seen of each pod, and waiting for what comes. */
export class PodWatch {
  readonly #child: ChildProcess;
  readonly #pods = new Map<string, SeenPod>();
  readonly #waiting = new Set<() => void>();

  private constructor(child: ChildProcess) {
    this.#child = child;
    if (!child.stdout) throw new Error('kubectl has no standard output');
    createInterface({ input: child.stdout }).on('line', (line) => this.#see(line));
  }

  /** Resolves once the pods that are there were seen. */
  static async start(machine: Machine, namespace: string, selector: string): Promise<PodWatch> {
    const argv = ['kubectl', 'get', 'pods', '-n', namespace, '-l', selector, '--watch', '--no-headers', '-o', `custom-columns=${columns}`];
    const watch = new PodWatch(machine.start(argv));
    await watch.until(({ ready }) => ready);
    return watch;
  }

  ready(): readonly string[] {
    return [...this.#pods.values()].filter((pod) => pod.ready).map((pod) => pod.name);
  }

  /** The first pod, seen already or yet to come, that the condition holds for. */
  async until(condition: (pod: SeenPod) => boolean, withinMs = 20_000): Promise<SeenPod> {
    const { promise, resolve, reject } = Promise.withResolvers<SeenPod>();
    const check = (): void => {
      const found = this.#pods.values().find(condition);
      if (found) resolve(found);
    };
    const limit = setTimeout(
      () => reject(new Error(`not within ${withinMs} ms; seen: ${JSON.stringify([...this.#pods.values()])}`)),
      withinMs,
    );
    this.#waiting.add(check);
    check();
    try {
      return await promise;
    } finally {
      clearTimeout(limit);
      this.#waiting.delete(check);
    }
  }

  stop(): void {
    this.#child.kill();
  }

  /** A pod that is being deleted is not one to wait for. */
  #see(line: string): void {
    const [name = '', ready, restarts, deleted] = line.trim().split(/\s+/);
    if (deleted === '<none>') this.#pods.set(name, { name, ready: ready === 'true', restarts: Number(restarts) || 0 });
    else this.#pods.delete(name);
    for (const check of this.#waiting) check();
  }
}

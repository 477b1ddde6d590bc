import type { Pod } from '../../api/kubernetes/types.generated.ts';

/** Pods that were bound a moment ago and that the watch has not shown with their node yet: they count as placed. */
export class Assumed {
  readonly #nodes = new Map<string, string>();

  bound(pod: Pod, nodeName: string): void {
    this.#nodes.set(pod.metadata.uid ?? '', nodeName);
  }

  has(pod: Pod): boolean {
    return this.#nodes.has(pod.metadata.uid ?? '');
  }

  /** The watched pods with the assumed ones on their nodes; forgets those that the watch has caught up with, or that are gone. */
  over(pods: readonly Pod[]): readonly Pod[] {
    if (this.#nodes.size === 0) return pods;
    const waiting = new Set(pods.filter((pod) => !pod.spec?.nodeName).map((pod) => pod.metadata.uid));
    for (const uid of this.#nodes.keys()) if (!waiting.has(uid)) this.#nodes.delete(uid);
    return pods.map((pod) => this.#placed(pod));
  }

  #placed(pod: Pod): Pod {
    const nodeName = this.#nodes.get(pod.metadata.uid ?? '');
    return nodeName === undefined || !pod.spec ? pod : { ...pod, spec: { ...pod.spec, nodeName } };
  }
}

import { matchesLabels } from '../../../api/kubernetes/label-selector.ts';
import type { LabelSelector, Pod, PodAffinityTerm, WeightedPodAffinityTerm } from '../../../api/kubernetes/types.generated.ts';

export type Labels = Readonly<Record<string, string>>;

/** One term of pod (anti-)affinity, ready to be asked about other pods. */
export interface Term {
  readonly topologyKey: string;
  readonly weight: number;
  readonly source: PodAffinityTerm;
  matches(namespace: string, labels: Labels): boolean;
}

/** Labels of namespaces, for terms that select namespaces. */
export type NamespaceLabels = (namespace: string) => Labels | undefined;

/** A selector narrowed to pods that have the same value as `labels` (or, `mismatch`, another one) for some keys. */
export function narrowed(
  selector: LabelSelector | undefined,
  labels: Labels,
  same: readonly string[] = [],
  other: readonly string[] = [],
): LabelSelector | undefined {
  if (selector === undefined) return undefined;
  const expressions = (
    keys: readonly string[],
    operator: string,
  ): readonly { key: string; operator: string; values: readonly string[] }[] =>
    keys.flatMap((key) => (labels[key] === undefined ? [] : [{ key, operator, values: [labels[key]] }]));
  return {
    ...selector,
    matchExpressions: [...(selector.matchExpressions ?? []), ...expressions(same, 'In'), ...expressions(other, 'NotIn')],
  };
}

export function termOf(pod: Pod, term: PodAffinityTerm, weight: number, namespaceLabels: NamespaceLabels): Term {
  const home = pod.metadata.namespace ?? '';
  const selector = narrowed(term.labelSelector, pod.metadata.labels ?? {}, term.matchLabelKeys, term.mismatchLabelKeys);
  const named = new Set(term.namespaces ?? []);
  if (named.size === 0 && term.namespaceSelector === undefined) named.add(home);
  const inScope = (namespace: string): boolean =>
    named.has(namespace) ||
    (term.namespaceSelector !== undefined && matchesLabels(term.namespaceSelector, namespaceLabels(namespace) ?? {}));
  return {
    topologyKey: term.topologyKey,
    weight,
    source: term,
    // No selector selects nothing.
    matches: (namespace, labels) => selector !== undefined && matchesLabels(selector, labels) && inScope(namespace),
  };
}

export function weighted(
  pod: Pod,
  terms: readonly WeightedPodAffinityTerm[] | undefined,
  sign: 1 | -1,
  namespaceLabels: NamespaceLabels,
): readonly Term[] {
  return (terms ?? []).map(({ podAffinityTerm, weight }) => termOf(pod, podAffinityTerm, sign * weight, namespaceLabels));
}

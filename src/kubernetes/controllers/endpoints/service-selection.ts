import { matchesLabels } from '../../../api/kubernetes/label-selector.ts';
import type { Pod, Service } from '../../../api/kubernetes/types.generated.ts';
import type { ObjectKey } from '../../client/client.ts';

/** The Services of the pod's namespace whose selector fits its labels. */
export function servicesSelecting(all: readonly Service[], pod: Pod): readonly ObjectKey[] {
  return all
    .filter(({ metadata, spec }) => metadata.namespace === pod.metadata.namespace && selects(spec?.selector, pod))
    .map(({ metadata }) => ({ namespace: metadata.namespace, name: metadata.name ?? '' }));
}

function selects(matchLabels: Readonly<Record<string, string>> | undefined, pod: Pod): boolean {
  return matchLabels !== undefined && matchesLabels({ matchLabels }, pod.metadata.labels ?? {});
}

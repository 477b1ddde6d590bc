import { KindError } from '../../../base/errors.ts';
import type { Pod } from '../../../api/kubernetes/types.generated.ts';
import type { Engine } from '../../../engine/engine.ts';
import { containerNamed, statusNamed } from '../pod/all-containers.ts';
import { podLabels } from '../pod/observed.ts';

export interface ContainerQuery {
  readonly namespace: string;
  readonly name: string;
  readonly container: string;
  readonly previous?: boolean;
  readonly purpose: 'logs' | 'exec';
}

/** The engine's ID of a pod's container: its newest attempt, or the one before. */
export async function findContainer(
  options: { readonly engine: Engine; readonly pods: () => readonly Pod[] },
  query: ContainerQuery,
): Promise<string> {
  const pod = options.pods().find((each) => each.metadata.namespace === query.namespace && each.metadata.name === query.name);
  const all = (await options.engine.containers.list())
    .filter(
      ({ labels }) =>
        labels[podLabels.namespace] === query.namespace &&
        labels[podLabels.name] === query.name &&
        labels[podLabels.container] === query.container,
    )
    .filter(({ labels }) => pod === undefined || labels[podLabels.uid] === pod.metadata.uid)
    .toSorted((a, b) => Number(b.labels[podLabels.attempt]) - Number(a.labels[podLabels.attempt]));
  const found = all[query.previous ? 1 : 0];
  if (found && (query.purpose === 'logs' || found.pid !== undefined)) return found.id;
  if (query.previous) throw new KindError('invalid', `previous terminated container "${query.container}" in pod "${query.name}" not found`);
  if (!pod || !containerNamed(pod, query.container)) throw new KindError('notFound', `container not found ("${query.container}")`);
  if (query.purpose === 'exec') throw new KindError('notFound', `container not found ("${query.container}")`);
  const reason = statusNamed(pod, query.container)?.state?.waiting?.reason ?? 'ContainerCreating';
  throw new KindError('invalid', `container "${query.container}" in pod "${query.name}" is waiting to start: ${reason}`);
}

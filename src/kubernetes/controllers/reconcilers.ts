import { deploymentController } from './deployment/deployments.ts';
import { replicaSetController } from './replicaset/replica-sets.ts';
import type { Reconciler } from './reconciler.ts';
import type { ControllersOptions } from './start.ts';

/** All controllers of the cluster. */
export function reconcilers(_options: Pick<ControllersOptions, 'rootCa' | 'volumesFolder'>): readonly Reconciler[] {
  return [deploymentController, replicaSetController];
}

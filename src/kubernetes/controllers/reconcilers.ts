import { daemonSets, ingresses, nodes, persistentVolumeClaims, podDisruptionBudgets, pods, services } from '../../api/kubernetes/kinds.ts';
import type { PersistentVolumeClaim } from '../../api/kubernetes/types.generated.ts';
import type { Informers } from '../client/informers.ts';
import { autoscalerController } from './autoscaling/autoscalers.ts';
import { cronJobController } from './cronjob/cron-jobs.ts';
import { daemonSetController } from './daemonset/daemon-sets.ts';
import { deploymentController } from './deployment/deployments.ts';
import { disruptionController, selects } from './disruption/budgets.ts';
import { servicesSelecting } from './endpoints/service-selection.ts';
import { endpointsController } from './endpoints/services.ts';
import { eventExpiryController } from './events/event-expiry.ts';
import { jobController } from './job/jobs.ts';
import { jobTtlController } from './job/ttl.ts';
import { defaultIngressClassController } from './ingresses/default-ingress-class.ts';
import { ingressAddressController } from './ingresses/ingress-addresses.ts';
import { isWaiting, loadBalancerController } from './load-balancers/load-balancers.ts';
import { parsePool } from './load-balancers/pool.ts';
import { namespaceDefaultsController } from './namespaces/namespace-defaults.ts';
import { namespaceController } from './namespaces/namespaces.ts';
import { nodeLifecycleController } from './nodes/node-lifecycle.ts';
import { taintEvictionController } from './nodes/taint-eviction.ts';
import { podGarbageController } from './nodes/pod-gc.ts';
import { replicaSetController, replicationController } from './replicaset/replica-sets.ts';
import { statefulSetController } from './statefulset/stateful-sets.ts';
import { ownKey, type Reconciler } from './reconciler.ts';
import { claimController } from './storage/claims.ts';
import { defaultClassController } from './storage/default-class.ts';
import { volumeController } from './storage/volumes.ts';
import type { ControllersOptions } from './start.ts';

/** All controllers of the cluster but the garbage collector, which has a graph of its own. */
export function reconcilers(
  {
    rootCa,
    volumesFolder,
    balancerPool,
    usage = async () => new Map(),
  }: Pick<ControllersOptions, 'rootCa' | 'volumesFolder' | 'balancerPool' | 'usage'>,
  informers: Informers,
): readonly Reconciler[] {
  const claims = informers.of(persistentVolumeClaims);
  const allPods = informers.of(pods);
  const budgets = informers.of(podDisruptionBudgets);
  const daemons = informers.of(daemonSets);
  const allServices = informers.of(services);
  const allIngresses = informers.of(ingresses);
  const allNodes = informers.of(nodes);
  return [
    deploymentController,
    replicaSetController,
    replicationController,
    statefulSetController,
    daemonSetController(() => daemons.list().flatMap(ownKey)),
    jobController,
    jobTtlController,
    cronJobController,
    autoscalerController(usage),
    disruptionController((pod) =>
      budgets
        .list()
        .filter((budget) => selects(budget, pod))
        .flatMap(ownKey),
    ),
    endpointsController(
      (pod) => servicesSelecting(allServices.list(), pod),
      (nodeName) => allNodes.get(nodeName)?.metadata.labels?.['topology.kubernetes.io/zone'],
    ),
    defaultIngressClassController,
    ingressAddressController(() => allIngresses.list().flatMap(ownKey)),
    loadBalancerController(parsePool(balancerPool), () => allServices.list().filter(isWaiting).flatMap(ownKey)),
    namespaceController,
    namespaceDefaultsController(rootCa),
    nodeLifecycleController(),
    podGarbageController(),
    taintEvictionController((nodeName) =>
      allPods
        .list()
        .filter((pod) => pod.spec?.nodeName === nodeName)
        .flatMap(ownKey),
    ),
    claimController(volumesFolder, () => claims.list().filter(isPending).flatMap(ownKey)),
    volumeController(volumesFolder),
    defaultClassController,
    eventExpiryController,
  ];
}

function isPending(claim: PersistentVolumeClaim): boolean {
  return claim.status?.phase !== 'Bound';
}

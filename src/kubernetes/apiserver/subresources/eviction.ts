import { matchesLabels } from '../../../api/kubernetes/label-selector.ts';
import { podDisruptionBudgets } from '../../../api/kubernetes/kinds.ts';
import type { Pod, PodDisruptionBudget } from '../../../api/kubernetes/types.generated.ts';
import { objectsOf } from '../json.ts';
import { timestamp } from '../timestamp.ts';
import { listObjects } from '../registry/reads.ts';
import type { Place, Registry } from '../registry/registry.ts';
import type { DeleteOptions } from '../registry/removal.ts';
import { resourceOf, type Resource } from '../resources.ts';
import { apiError, forbidden } from '../status.ts';
import type { Body } from '../strategies/strategy.ts';

/** Names of pods remembered as on their way out; more than this and the budget's controller is not keeping up. */
const disruptedLimit = 2000;
const violated = "Cannot evict pod as it would violate the pod's disruption budget.";

/**
 * `POST pods/<name>/eviction`: a delete that its PodDisruptionBudget may refuse with 429. The budget is charged first,
 * so that two evictions at the same time cannot both use its last disruption.
 */
export async function evictPod(registry: Registry, resource: Resource, place: Place, options: DeleteOptions): Promise<void> {
  const pod = await registry.get(resource, place);
  const dryRun = options.dryRun?.includes('All') === true;
  if (!isFree(pod as unknown as Pod)) await charge(registry, pod, dryRun);
  await registry.replace(resource, place, withCondition, { dryRun });
  await registry.delete(resource, place, options);
}

/** Neither running nor about to: nothing is disrupted. */
function isFree({ metadata, status }: Pod): boolean {
  return metadata.deletionTimestamp !== undefined || ['Succeeded', 'Failed', 'Pending'].includes(status?.phase ?? '');
}

async function charge(registry: Registry, pod: Body, dryRun: boolean): Promise<void> {
  const { namespace, name = '', labels = {} } = pod.metadata;
  const resource = resourceOf(podDisruptionBudgets);
  const all = (await listObjects(registry.store, resource, { namespace })).items as unknown as readonly PodDisruptionBudget[];
  const budgets = all.filter(({ spec }) => spec?.selector !== undefined && matchesLabels(spec.selector, labels));
  if (budgets.length > 1) {
    throw apiError('InternalError', 'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.');
  }
  const [budget] = budgets;
  if (!budget || isUnhealthyAndFree(pod as unknown as Pod, budget)) return;
  await registry.replace(resource, { namespace, name: budget.metadata.name ?? '' }, (current) => charged(current, name), { dryRun });
}

function isUnhealthyAndFree(pod: Pod, { spec, status }: PodDisruptionBudget): boolean {
  const isReady = pod.status?.conditions?.some(({ type, status: value }) => type === 'Ready' && value === 'True');
  if (isReady) return false;
  if (spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true;
  return (status?.desiredHealthy ?? 0) > 0 && (status?.currentHealthy ?? 0) >= (status?.desiredHealthy ?? 0);
}

function charged(current: Body, podName: string): Body {
  const budget = current as unknown as PodDisruptionBudget;
  const { name = '', generation = 0 } = budget.metadata;
  const status = budget.status;
  const refused = (message: string): Error =>
    apiError('TooManyRequests', violated, {
      causes: [{ reason: 'DisruptionBudget', message, field: '' }],
      ...((status?.observedGeneration ?? 0) < generation ? { retryAfterSeconds: 10 } : {}),
    });
  if ((status?.observedGeneration ?? 0) < generation)
    throw refused(`The disruption budget ${name} is still being processed by the server.`);
  const left = status?.disruptionsAllowed ?? 0;
  if (left < 0) throw forbidden(podDisruptionBudgets, name, 'pdb disruptions allowed is negative');
  if (Object.keys(status?.disruptedPods ?? {}).length > disruptedLimit) {
    throw forbidden(podDisruptionBudgets, name, 'DisruptedPods map too big - too many evictions not confirmed by PDB controller');
  }
  if (left === 0) {
    throw refused(
      `The disruption budget ${name} needs ${status?.desiredHealthy ?? 0} healthy pods and has ${status?.currentHealthy ?? 0} currently`,
    );
  }
  const disruptedPods = { ...status?.disruptedPods, [podName]: timestamp(new Date()) };
  return { ...current, status: { ...current.status, disruptionsAllowed: left - 1, disruptedPods } };
}

function withCondition(pod: Body): Body {
  const others = objectsOf(pod.status?.['conditions']).filter((one) => one['type'] !== 'DisruptionTarget');
  const condition = {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'EvictionByEvictionAPI',
    message: 'Eviction API: evicting',
    lastTransitionTime: timestamp(new Date()),
  };
  return { ...pod, status: { ...pod.status, conditions: [...others, condition] } };
}

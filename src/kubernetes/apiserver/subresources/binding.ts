import { pods } from '../../../api/kubernetes/kinds.ts';
import { objectsOf, textOf } from '../json.ts';
import { timestamp } from '../timestamp.ts';
import type { Place, Registry } from '../registry/registry.ts';
import type { Resource } from '../resources.ts';
import { conflict } from '../status.ts';
import type { Body } from '../strategies/strategy.ts';

/** `POST pods/<name>/binding`: gives a pod its node, once. */
export async function bindPod(registry: Registry, resource: Resource, place: Place, nodeName: string): Promise<Body> {
  return registry.replace(resource, place, (pod) => bound(pod, nodeName));
}

function bound(pod: Body, nodeName: string): Body {
  const name = pod.metadata.name ?? '';
  const current = textOf(pod.spec?.['nodeName']);
  if (current) throw conflict(pods, name, `pod ${name} is already assigned to node "${current}"`);
  if (pod.metadata.deletionTimestamp) throw conflict(pods, name, `pod ${name} is being deleted, cannot be assigned to a host`);
  const conditions = objectsOf(pod.status?.['conditions']).filter((one) => one['type'] !== 'PodScheduled');
  const scheduled = { type: 'PodScheduled', status: 'True', lastTransitionTime: timestamp(new Date()) };
  return { ...pod, spec: { ...pod.spec, nodeName }, status: { ...pod.status, conditions: [...conditions, scheduled] } };
}

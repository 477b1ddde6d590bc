import { containerRequest } from './requests.ts';
import { limitIn, type Observation } from './pressure.ts';
import { usedOf, type PodUsage } from './rank.ts';
import { signals, type Condition, type Threshold } from './thresholds.ts';

/** Why a pod is evicted, as users of `kubectl describe` know it. */
export function evictionMessage({ pod, containers }: PodUsage, threshold: Threshold, observation: Observation): string {
  const { resource } = signals[threshold.signal];
  const format = (value: number): string =>
    resource === 'memory' || resource === 'ephemeral-storage' ? binary(value) : String(Math.floor(value));
  const limit = limitIn(threshold, observation);
  const head = `The node was low on resource: ${resource}. Threshold quantity: ${format(limit)}, available: ${format(observation.available)}. `;
  const above = (pod.spec?.containers ?? []).flatMap((container) => {
    const used = usedOf(containers.get(container.name) ?? {}, resource);
    const request = containerRequest(container, resource);
    if (used === undefined || used <= request) return [];
    return [
      `Container ${container.name} was using ${format(used)}, request is ${format(request)}, has larger consumption of ${resource}. `,
    ];
  });
  return head + above.join('');
}

export function conditionMessage(conditions: Iterable<Condition>): string {
  return `The node had condition: [${[...conditions].join(' ')}]. `;
}

/** `100Mi`, `52Ki`, `7`: in the largest binary unit that divides it, as Go's Quantity prints; what does not divide is in Ki. */
export function binary(bytes: number): string {
  const whole = Math.floor(bytes);
  const units: readonly (readonly [number, string])[] = [
    [2 ** 30, 'Gi'],
    [2 ** 20, 'Mi'],
    [2 ** 10, 'Ki'],
  ];
  const [size, unit] = units.find(([each]) => whole >= each && whole % each === 0) ?? [1, ''];
  return unit === '' && whole >= 1024 ? `${Math.floor(whole / 1024)}Ki` : `${whole / size}${unit}`;
}

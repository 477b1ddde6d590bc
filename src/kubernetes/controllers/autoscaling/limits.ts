import type { HPAScalingRules, AutoscalingHorizontalPodAutoscalerSpec as Spec } from '../../../api/kubernetes/types.generated.ts';

/** What an autoscaler remembers between its looks. */
export interface Memory {
  /** What the metrics asked for. */
  readonly proposals: readonly { readonly at: number; readonly replicas: number }[];
  /** Changes that were made. */
  readonly changes: readonly { readonly at: number; readonly by: number }[];
}

export const nothingYet: Memory = { proposals: [], changes: [] };

const defaultUp: HPAScalingRules = {
  stabilizationWindowSeconds: 0,
  policies: [
    { type: 'Pods', value: 4, periodSeconds: 15 },
    { type: 'Percent', value: 100, periodSeconds: 15 },
  ],
};
const defaultDown: HPAScalingRules = { stabilizationWindowSeconds: 300, policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }] };

export interface Limited {
  readonly replicas: number;
  /** Why it is not what was asked for, as a reason of condition ScalingLimited. */
  readonly reason: 'DesiredWithinRange' | 'TooFewReplicas' | 'TooManyReplicas' | 'ScaleUpLimit' | 'ScaleDownLimit';
}

/** Pure. The wish, calmed by the windows, slowed by the policies, kept between the bounds. `now` in ms. */
export function limited(spec: Spec, wish: number, current: number, memory: Memory, now: number): Limited {
  const { minReplicas = 1, maxReplicas, behavior } = spec;
  const up = { ...defaultUp, ...behavior?.scaleUp };
  const down = { ...defaultDown, ...behavior?.scaleDown };
  const calm = stabilized(wish, current, memory, now, up, down);
  const slow = calm > current ? Math.min(calm, ceiling(up, current, memory, now)) : Math.max(calm, floor(down, current, memory, now));
  const replicas = Math.min(maxReplicas, Math.max(minReplicas, slow));
  const reason = (): Limited['reason'] => {
    if (wish > maxReplicas && replicas === maxReplicas) return 'TooManyReplicas';
    if (wish < minReplicas && replicas === minReplicas) return 'TooFewReplicas';
    if (slow < calm) return 'ScaleUpLimit';
    return slow > calm ? 'ScaleDownLimit' : 'DesiredWithinRange';
  };
  return { replicas, reason: reason() };
}

/** The lowest wish of the window for growing, the highest for shrinking. */
function stabilized(wish: number, current: number, { proposals }: Memory, now: number, up: HPAScalingRules, down: HPAScalingRules): number {
  const within = ({ stabilizationWindowSeconds = 0 }: HPAScalingRules): readonly number[] =>
    proposals.filter(({ at }) => at > now - stabilizationWindowSeconds * 1000).map(({ replicas }) => replicas);
  const [least, most] = [Math.min(wish, ...within(up)), Math.max(wish, ...within(down))];
  return current < least ? least : current > most ? most : current;
}

function ceiling(rules: HPAScalingRules, current: number, { changes }: Memory, now: number): number {
  if (rules.selectPolicy === 'Disabled') return current;
  const values = (rules.policies ?? []).map(({ type, value, periodSeconds }) => {
    const added = sum(changes.filter(({ at, by }) => by > 0 && at > now - periodSeconds * 1000).map(({ by }) => by));
    const start = current - added;
    return type === 'Pods' ? start + value : Math.ceil(start * (1 + value / 100));
  });
  return rules.selectPolicy === 'Min' ? Math.min(...values) : Math.max(...values);
}

function floor(rules: HPAScalingRules, current: number, { changes }: Memory, now: number): number {
  if (rules.selectPolicy === 'Disabled') return current;
  const values = (rules.policies ?? []).map(({ type, value, periodSeconds }) => {
    const taken = sum(changes.filter(({ at, by }) => by < 0 && at > now - periodSeconds * 1000).map(({ by }) => -by));
    const start = current + taken;
    return type === 'Pods' ? start - value : Math.floor(start * (1 - value / 100));
  });
  return rules.selectPolicy === 'Min' ? Math.max(...values) : Math.min(...values);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0);
}

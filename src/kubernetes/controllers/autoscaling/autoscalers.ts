import {
  deployments,
  horizontalPodAutoscalers,
  pods,
  replicaSets,
  replicationControllers,
  statefulSets,
  type Kind,
  type KubernetesObject,
} from '../../../api/kubernetes/kinds.ts';
import { matchesLabels } from '../../../api/kubernetes/label-selector.ts';
import type {
  AutoscalingHorizontalPodAutoscaler as Autoscaler,
  HorizontalPodAutoscalerCondition as Condition,
  LabelSelector,
  MetricStatus,
} from '../../../api/kubernetes/types.generated.ts';
import { messageOf } from '../../../base/errors.ts';
import { getIfExists, isEqual } from '../owned.ts';
import { type Context, ownKey, type Reconciler } from '../reconciler.ts';
import type { Use } from '../../metrics/usage.ts';
import { proposal, type Proposal } from './desired.ts';
import { limited, type Limited, type Memory, nothingYet } from './limits.ts';

type Scaled = KubernetesObject & {
  readonly spec?: { readonly replicas?: number; readonly selector?: LabelSelector | Readonly<Record<string, string>> };
};
const scalable = [deployments, replicaSets, replicationControllers, statefulSets] as unknown as readonly Kind<Scaled>[];

const periodMs = 15_000;
const memoryMs = 3_600_000;

/** Scales workloads by what their pods use. `usage`: of all pods, by `namespace/name`. */
export function autoscalerController(usage: () => Promise<ReadonlyMap<string, Use>>): Reconciler {
  const memories = new Map<string, Memory>();
  return {
    name: 'horizontal-pod-autoscaler',
    triggers: [{ kind: horizontalPodAutoscalers, keysOf: ownKey }],
    async reconcile(context, key) {
      const { client, now } = context;
      const scaler = await getIfExists(client, horizontalPodAutoscalers, key);
      if (!scaler?.spec) {
        memories.delete(`${key.namespace}/${key.name}`);
        return undefined;
      }
      const { kind: wanted, name } = scaler.spec.scaleTargetRef;
      const kind = scalable.find((one) => one.kind === wanted);
      const target = kind && (await getIfExists(client, kind, { namespace: key.namespace, name }));
      if (!kind || !target) {
        const message = `the HPA controller was unable to get the target's current scale: ${wanted.toLowerCase()} "${name}" not found`;
        await writeStatus(context, scaler, { conditions: [condition('AbleToScale', 'False', 'FailedGetScale', message)] });
        return { requeueAfterMs: periodMs };
      }
      const current = target.spec?.replicas ?? 1;
      const look = current === 0 ? undefined : await lookAt(context, scaler, target, current, await usage());
      if (!look || typeof look === 'string') {
        const [reason, message] = look
          ? ['FailedGetResourceMetric', `the HPA was unable to compute the replica count: ${look}`]
          : ['ScalingDisabled', 'scaling is disabled since the replica count of the target is zero'];
        const conditions = [able, condition('ScalingActive', 'False', reason ?? '', message ?? '')];
        await writeStatus(context, scaler, { currentReplicas: current, desiredReplicas: current, conditions });
        return { requeueAfterMs: periodMs };
      }
      const memory = memories.get(`${key.namespace}/${key.name}`) ?? nothingYet;
      const result = limited(scaler.spec, look.replicas, current, memory, now());
      memories.set(`${key.namespace}/${key.name}`, remembered(memory, look.replicas, result.replicas - current, now()));
      if (result.replicas !== current) await rescale(context, scaler, kind, target, result.replicas);
      await writeStatus(context, scaler, {
        currentReplicas: current,
        desiredReplicas: result.replicas,
        currentMetrics: look.statuses,
        ...(result.replicas !== current && { lastScaleTime: stamp(now()) }),
        conditions: [able, active(look.statuses), limitedCondition(result)],
      });
      return { requeueAfterMs: periodMs };
    },
  };
}

/** The greatest of what the metrics ask for; a text when none of them can be told. */
async function lookAt(
  { client }: Context,
  scaler: Autoscaler,
  target: Scaled,
  current: number,
  usage: ReadonlyMap<string, Use>,
): Promise<{ readonly replicas: number; readonly statuses: readonly MetricStatus[] } | string> {
  const { namespace } = scaler.metadata;
  const selector = target.kind === 'ReplicationController' ? { matchLabels: target.spec?.selector } : target.spec?.selector;
  const { items } = await client.list(pods, { namespace });
  const own = items.filter((pod) => matchesLabels((selector ?? {}) as LabelSelector, pod.metadata.labels ?? {}));
  const byName = new Map(
    own.flatMap(({ metadata }) =>
      usage.has(`${namespace}/${metadata.name}`) ? [[metadata.name ?? '', usage.get(`${namespace}/${metadata.name}`) as Use] as const] : [],
    ),
  );
  const proposals: Proposal[] = [];
  let problem = '';
  for (const metric of scaler.spec?.metrics ?? []) {
    try {
      proposals.push(proposal(metric, own, byName, current));
    } catch (error) {
      problem = messageOf(error);
    }
  }
  if (proposals.length === 0) return problem || 'no metrics';
  const replicas = Math.max(...proposals.map((one) => one.replicas));
  // With a metric missing it may grow by the others, but not shrink.
  if (problem && replicas < current) return problem;
  return { replicas, statuses: proposals.map(({ status }) => status) };
}

function remembered({ proposals, changes }: Memory, wish: number, by: number, now: number): Memory {
  const recent = <T extends { readonly at: number }>(all: readonly T[]): readonly T[] => all.filter(({ at }) => at > now - memoryMs);
  return {
    proposals: [...recent(proposals), { at: now, replicas: wish }],
    changes: by === 0 ? recent(changes) : [...recent(changes), { at: now, by }],
  };
}

async function rescale(
  { client, record }: Context,
  scaler: Autoscaler,
  kind: Kind<Scaled>,
  target: Scaled,
  replicas: number,
): Promise<void> {
  const { namespace, name = '' } = target.metadata;
  const body = { metadata: { resourceVersion: target.metadata.resourceVersion }, spec: { replicas } };
  await client.patch(kind, { namespace, name }, { type: 'merge', body });
  const why = replicas > (target.spec?.replicas ?? 1) ? 'above' : 'below';
  record(scaler, 'Normal', 'SuccessfulRescale', `New size: ${replicas}; reason: resource utilization ${why} target`);
}

type Untimed = Omit<Condition, 'lastTransitionTime'>;
const condition = (type: string, status: string, reason: string, message: string): Untimed => ({ type, status, reason, message });
const able = condition('AbleToScale', 'True', 'ReadyForNewScale', 'recommended size matches current size');

function active(statuses: readonly MetricStatus[]): Untimed {
  const message = `the HPA was able to successfully calculate a replica count from ${statuses[0]?.resource?.name} resource utilization (percentage of request)`;
  return condition('ScalingActive', 'True', 'ValidMetricFound', message);
}

function limitedCondition({ reason }: Limited): Untimed {
  if (reason === 'DesiredWithinRange')
    return condition('ScalingLimited', 'False', reason, 'the desired count is within the acceptable range');
  const texts = {
    TooFewReplicas: 'the desired replica count is less than the minimum replica count',
    TooManyReplicas: 'the desired replica count is more than the maximum replica count',
    ScaleUpLimit: 'the desired replica count is increasing faster than the maximum scale rate',
    ScaleDownLimit: 'the desired replica count is decreasing faster than the maximum scale rate',
  };
  return condition('ScalingLimited', 'True', reason, texts[reason]);
}

async function writeStatus(
  { client, now }: Context,
  scaler: Autoscaler,
  facts: Partial<Omit<NonNullable<Autoscaler['status']>, 'conditions'>> & { readonly conditions: readonly Untimed[] },
): Promise<void> {
  const before = scaler.status?.conditions ?? [];
  const conditions = facts.conditions.map((one) => {
    const known = before.find(({ type }) => type === one.type);
    return { ...one, lastTransitionTime: known?.status === one.status ? known.lastTransitionTime : stamp(now()) };
  });
  const { currentReplicas = 0, desiredReplicas = 0, lastScaleTime = scaler.status?.lastScaleTime } = facts;
  const status = {
    currentReplicas,
    desiredReplicas,
    ...(facts.currentMetrics && { currentMetrics: facts.currentMetrics }),
    ...(lastScaleTime && { lastScaleTime }),
    conditions,
  };
  if (!isEqual(status, scaler.status)) await client.update(horizontalPodAutoscalers, { ...scaler, status }, 'status');
}

function stamp(now: number): string {
  return new Date(now).toISOString().replace(/\.\d+/, '');
}

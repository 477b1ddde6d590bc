import type { KubernetesObject } from '../../../api/kubernetes/kinds.ts';
import type {
  AutoscalingHorizontalPodAutoscaler,
  CronJob,
  DaemonSet,
  Job,
  MetricSpec,
  MetricStatus,
  PodDisruptionBudget,
  PriorityClass,
  ReplicationController,
} from '../../../api/kubernetes/types.generated.ts';
import { age, humanDuration } from './age.ts';
import { type Column, columns, labels, none, selector, templateColumns } from './column.ts';

const withTemplate = <T extends KubernetesObject>(): readonly Column<T>[] =>
  [...templateColumns, selector] as unknown as readonly Column<T>[];

/** What a Job's conditions come to, the last word first. */
function jobStatus({ metadata, status, spec }: Job): string {
  const has = (type: string): boolean => status?.conditions?.some((one) => one.type === type && one.status === 'True') === true;
  if (has('Complete')) return 'Complete';
  if (has('Failed')) return 'Failed';
  if (metadata.deletionTimestamp) return 'Terminating';
  if (has('Suspended') || (spec?.suspend && status?.startTime === undefined)) return 'Suspended';
  if (has('FailureTarget')) return 'FailureTarget';
  if (has('SuccessCriteriaMet')) return 'SuccessCriteriaMet';
  return 'Running';
}

function completions({ spec, status }: Job): string {
  const succeeded = status?.succeeded ?? 0;
  if (spec?.completions !== undefined) return `${succeeded}/${spec.completions}`;
  const parallelism = spec?.parallelism ?? 0;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function duration({ status }: Job, now: number): string {
  if (!status?.startTime) return '';
  const end = status.completionTime ? Date.parse(status.completionTime) : now;
  return humanDuration(Math.max(0, Math.floor((end - Date.parse(status.startTime)) / 1000)));
}

const cronTemplate = ({ spec }: CronJob): readonly { readonly name: string; readonly image?: string }[] =>
  spec?.jobTemplate.spec?.template.spec?.containers ?? [];

function targetOf(spec: MetricSpec, status: MetricStatus | undefined): string {
  const wanted = spec.resource?.target ?? spec.containerResource?.target;
  const current = status?.resource?.current ?? status?.containerResource?.current;
  const name = spec.resource?.name ?? spec.containerResource?.name ?? spec.type.toLowerCase();
  if (wanted?.averageUtilization !== undefined) {
    const now = current?.averageUtilization;
    return `${name}: ${now === undefined ? '<unknown>' : `${now}%`}/${wanted.averageUtilization}%`;
  }
  return `${name}: ${current?.averageValue ?? '<unknown>'}/${wanted?.averageValue ?? wanted?.value ?? '<auto>'}`;
}

function targets({ spec, status }: AutoscalingHorizontalPodAutoscaler): string {
  const all = (spec?.metrics ?? []).map((metric, index) => targetOf(metric, status?.currentMetrics?.[index]));
  if (all.length === 0) return none;
  return all.length > 2 ? `${all.slice(0, 2).join(', ')} + ${all.length - 2} more...` : all.join(', ');
}

/** Columns of the kinds of batch, policy, scheduling and autoscaling, and of daemons. */
export const workloadColumns: Readonly<Record<string, readonly Column[]>> = {
  DaemonSet: columns<DaemonSet>(
    { name: 'Desired', type: 'integer', cell: ({ status }) => status?.desiredNumberScheduled ?? 0 },
    { name: 'Current', type: 'integer', cell: ({ status }) => status?.currentNumberScheduled ?? 0 },
    { name: 'Ready', type: 'integer', cell: ({ status }) => status?.numberReady ?? 0 },
    { name: 'Up-to-date', type: 'integer', cell: ({ status }) => status?.updatedNumberScheduled ?? 0 },
    { name: 'Available', type: 'integer', cell: ({ status }) => status?.numberAvailable ?? 0 },
    { name: 'Node Selector', cell: ({ spec }) => labels(spec?.template.spec?.nodeSelector) },
    ...withTemplate<DaemonSet>(),
  ),
  ReplicationController: columns<ReplicationController>(
    { name: 'Desired', type: 'integer', cell: ({ spec }) => spec?.replicas ?? 1 },
    { name: 'Current', type: 'integer', cell: ({ status }) => status?.replicas ?? 0 },
    { name: 'Ready', type: 'integer', cell: ({ status }) => status?.readyReplicas ?? 0 },
    ...(templateColumns as unknown as readonly Column<ReplicationController>[]),
    { name: 'Selector', wide: true, cell: ({ spec }) => labels(spec?.selector) },
  ),
  Job: columns<Job>(
    { name: 'Status', cell: jobStatus },
    { name: 'Completions', cell: completions },
    { name: 'Duration', cell: duration },
    ...withTemplate<Job>(),
  ),
  CronJob: columns<CronJob>(
    { name: 'Schedule', cell: ({ spec }) => spec?.schedule ?? '' },
    { name: 'Timezone', cell: ({ spec }) => spec?.timeZone ?? none },
    { name: 'Suspend', cell: ({ spec }) => (spec?.suspend === true ? 'True' : 'False') },
    { name: 'Active', type: 'integer', cell: ({ status }) => status?.active?.length ?? 0 },
    { name: 'Last Schedule', cell: ({ status }, now) => (status?.lastScheduleTime ? age(status.lastScheduleTime, now) : none) },
    {
      name: 'Containers',
      wide: true,
      cell: (cron) =>
        cronTemplate(cron)
          .map((one) => one.name)
          .join(','),
    },
    {
      name: 'Images',
      wide: true,
      cell: (cron) =>
        cronTemplate(cron)
          .map((one) => one.image ?? '')
          .join(','),
    },
    { name: 'Selector', wide: true, cell: ({ spec }) => labels(spec?.jobTemplate.spec?.selector?.matchLabels) },
  ),
  PodDisruptionBudget: columns<PodDisruptionBudget>(
    { name: 'Min Available', cell: ({ spec }) => String(spec?.minAvailable ?? 'N/A') },
    { name: 'Max Unavailable', cell: ({ spec }) => String(spec?.maxUnavailable ?? 'N/A') },
    { name: 'Allowed Disruptions', type: 'integer', cell: ({ status }) => status?.disruptionsAllowed ?? 0 },
  ),
  PriorityClass: [
    ...columns<PriorityClass>(
      { name: 'Value', type: 'integer', cell: ({ value }) => value },
      { name: 'Global-Default', cell: ({ globalDefault }) => String(globalDefault ?? false) },
    ),
    { name: 'PreemptionPolicy', cell: (one) => (one as PriorityClass).preemptionPolicy ?? '' },
  ],
  HorizontalPodAutoscaler: columns<AutoscalingHorizontalPodAutoscaler>(
    { name: 'Reference', cell: ({ spec }) => `${spec?.scaleTargetRef.kind}/${spec?.scaleTargetRef.name}` },
    { name: 'Targets', cell: targets },
    { name: 'MinPods', cell: ({ spec }) => String(spec?.minReplicas ?? '<unset>') },
    { name: 'MaxPods', type: 'integer', cell: ({ spec }) => spec?.maxReplicas ?? 0 },
    { name: 'Replicas', type: 'integer', cell: ({ status }) => status?.currentReplicas ?? 0 },
  ),
};

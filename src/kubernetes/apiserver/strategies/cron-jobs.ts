import { isTimeZone, parseSchedule } from '../../../api/kubernetes/cron-schedule.ts';
import { messageOf } from '../../../base/errors.ts';
import { objectOf, textOf, type JsonObject } from '../json.ts';
import type { FieldCause } from '../status.ts';
import { jobSpecDefaults, validateJobTemplate } from './jobs.ts';
import { baseStrategy, invalid, required, unsupported, type Body, type Strategy } from './strategy.ts';

const policies = ['Allow', 'Forbid', 'Replace'];
const counts = ['startingDeadlineSeconds', 'successfulJobsHistoryLimit', 'failedJobsHistoryLimit'];

function validate(cron: Body): readonly FieldCause[] {
  const spec = objectOf(cron.spec);
  const name = cron.metadata.name ?? '';
  return [
    // The Jobs' names add eleven characters and must be labels of pods.
    ...(name.length > 52 ? [invalid('metadata.name', name, 'must be no more than 52 characters')] : []),
    ...validateSchedule(spec),
    ...counts
      .filter((field) => Number(spec[field] ?? 0) < 0)
      .map((field) => invalid(`spec.${field}`, spec[field], 'must be greater than or equal to 0')),
    ...(policies.includes(textOf(spec['concurrencyPolicy']))
      ? []
      : [unsupported('spec.concurrencyPolicy', spec['concurrencyPolicy'], policies)]),
    ...validateTimeZone(spec['timeZone']),
    ...validateJobTemplate(objectOf(objectOf(spec['jobTemplate'])['spec']), 'spec.jobTemplate.spec'),
  ];
}

function validateSchedule(spec: JsonObject): readonly FieldCause[] {
  const schedule = textOf(spec['schedule']);
  if (schedule === '') return [required('spec.schedule')];
  if (/^(CRON_)?TZ=/.test(schedule))
    return [invalid('spec.schedule', schedule, 'cannot use TZ or CRON_TZ in schedule, use timeZone field instead')];
  try {
    parseSchedule(schedule);
    return [];
  } catch (error) {
    return [invalid('spec.schedule', schedule, messageOf(error))];
  }
}

function validateTimeZone(zone: unknown): readonly FieldCause[] {
  if (zone === undefined) return [];
  if (zone === '') return [invalid('spec.timeZone', zone, 'timeZone must be nil or non-empty string')];
  if (textOf(zone).toLowerCase() === 'local')
    return [invalid('spec.timeZone', zone, 'timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones')];
  return isTimeZone(textOf(zone)) ? [] : [invalid('spec.timeZone', zone, `unknown time zone ${textOf(zone)}`)];
}

export const cronJobStrategy: Strategy = {
  ...baseStrategy,
  defaults: (cron) => {
    const spec = objectOf(cron.spec);
    const template = objectOf(spec['jobTemplate']);
    return {
      ...cron,
      spec: {
        concurrencyPolicy: 'Allow',
        suspend: false,
        successfulJobsHistoryLimit: 3,
        failedJobsHistoryLimit: 1,
        ...spec,
        jobTemplate: { ...template, metadata: objectOf(template['metadata']), spec: templateSpec(objectOf(template['spec'])) },
      },
    };
  },
  prepareForCreate: (cron) => ({ ...cron, status: {} }),
  validate,
};

/** Only the pod template is filled in: the rest waits for the Job itself. */
function templateSpec(spec: JsonObject): JsonObject {
  const { template } = jobSpecDefaults(spec);
  return { ...spec, template };
}

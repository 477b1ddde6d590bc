import { at, compact, objectOf, textOf } from '../json.ts';
import type { Conversion } from '../registry/conversion.ts';
import { baseStrategy, type Body, type Strategy } from './strategy.ts';

/** Names of a field in core/v1 and in events.k8s.io/v1; all others are the same in both. */
const names = [
  ['involvedObject', 'regarding'],
  ['message', 'note'],
  ['source', 'deprecatedSource'],
  ['firstTimestamp', 'deprecatedFirstTimestamp'],
  ['lastTimestamp', 'deprecatedLastTimestamp'],
  ['count', 'deprecatedCount'],
  ['reportingComponent', 'reportingController'],
] as const;

function renamed(object: Body, apiVersion: string, pairs: readonly (readonly [string, string])[]): Body {
  const known = new Map(pairs);
  const entries = Object.entries(object).map(([name, value]) => [known.get(name) ?? name, value]);
  return compact({ ...Object.fromEntries(entries), apiVersion }) as Body;
}

/** events.k8s.io/v1 shows the objects of core/v1. */
export const newEventConversion: Conversion = {
  fromStorage: (objects) => objects.map((one) => renamed(one, 'events.k8s.io/v1', names)),
  toStorage: (object) =>
    renamed(
      object,
      'v1',
      names.map(([old, current]) => [current, old]),
    ),
};

export const newEventStrategy: Strategy = {
  ...baseStrategy,
  selectableFields: {
    ...Object.fromEntries(
      ['kind', 'namespace', 'name', 'uid', 'apiVersion', 'fieldPath'].map((field) => [
        `regarding.${field}`,
        (object: Body) => textOf(objectOf(at(object, 'regarding'))[field]),
      ]),
    ),
    reason: (object) => textOf(object['reason']),
    type: (object) => textOf(object['type']),
  },
};

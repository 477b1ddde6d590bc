import { pods, priorityClasses } from '../../../api/kubernetes/kinds.ts';
import type { PriorityClass } from '../../../api/kubernetes/types.generated.ts';
import type { Store } from '../../../store/store.ts';
import { objectOf, textOf } from '../json.ts';
import { forbidden } from '../status.ts';
import type { Body } from '../strategies/strategy.ts';
import { objectAt } from './codec.ts';
import { keyOf, prefixOf } from './keys.ts';

/** Priority admission: a new pod gets the number behind its class, or behind the class that is everybody's default. */
export function withPriority(store: Store, pod: Body): Body {
  const spec = objectOf(pod.spec);
  const named = textOf(spec['priorityClassName']);
  const found = named ? classNamed(store, pod, named) : defaultClass(store);
  if (!found) return pod;
  const { value, preemptionPolicy = 'PreemptLowerPriority', metadata } = found;
  return { ...pod, spec: { ...spec, priorityClassName: metadata.name, priority: value, preemptionPolicy } };
}

function classNamed(store: Store, pod: Body, name: string): PriorityClass {
  const entry = store.get(keyOf(priorityClasses, undefined, name));
  if (!entry) throw forbidden(pods, pod.metadata.name ?? '', `no PriorityClass with name ${name} was found`);
  return objectAt(entry) as unknown as PriorityClass;
}

/** Of several the one with the lowest value counts. */
function defaultClass(store: Store): PriorityClass | undefined {
  const all = store.range(prefixOf(priorityClasses, undefined)).entries.map((entry) => objectAt(entry) as unknown as PriorityClass);
  return all.filter((one) => one.globalDefault === true).toSorted((a, b) => a.value - b.value)[0];
}

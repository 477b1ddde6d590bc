import type { Event } from '../../api/kubernetes/types.generated.ts';
import { actOf, type Record } from '../client/acts.ts';
import type { Informer } from '../client/informer.ts';

/** Records what Events tell from now on: what a node's agent did to a pod is known from nothing else. */
export function recordEvents(from: Informer<Event>, record: Record): void {
  let isNew = false;
  // What the first list holds was told before; handlers hear of it before `synced` is seen here.
  void from.synced.then(() => (isNew = true));
  from.onChange(({ type, object, previous }) => {
    const isTold = type === 'added' || (type === 'updated' && timesOf(object) !== timesOf(previous));
    if (!isNew || !isTold) return;
    const { kind = '', namespace, name = '' } = object.involvedObject;
    const about = { kind, key: namespace ? `${namespace}/${name}` : name };
    const { component = '', host } = object.source ?? {};
    const by = component || (object.reportingComponent ?? '');
    record(actOf(host ? `${by} on ${host}` : by, about, [], { verb: object.reason ?? '', object: about, detail: object.message ?? '' }));
  });
}

function timesOf(event: Event | undefined): number | undefined {
  return event?.series?.count ?? event?.count;
}

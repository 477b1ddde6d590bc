import { events, type KubernetesObject } from '../../api/kubernetes/kinds.ts';
import type { Event } from '../../api/kubernetes/types.generated.ts';
import { isKind, messageOf } from '../../base/errors.ts';
import { silentLog, type Log } from '../../base/log.ts';
import type { Client } from './client.ts';

/** Tells people what happened to an object, as Events. Recording never waits and never fails its caller. */
export interface EventRecorder extends AsyncDisposable {
  record(about: KubernetesObject, type: 'Normal' | 'Warning', reason: string, message: string, fieldPath?: string): void;
}

export interface EventRecorderOptions {
  readonly client: Client;
  /** Who speaks: `kubelet`, `default-scheduler`, `deployment-controller`. */
  readonly component: string;
  /** The node it speaks from. */
  readonly host?: string;
  readonly log?: Log;
}

/** Events that were written and may be counted up; the oldest are forgotten first. */
const remembered = 4096;
/** Events waiting to be written; more are dropped: the cluster's work goes before its chronicle. */
const backlog = 1000;

/** Writes in order, one after the other; the same event again raises the count of the first. */
export function eventRecorder({ client, component, host, log = silentLog }: EventRecorderOptions): EventRecorder {
  const known = new Map<string, Event>();
  let waiting = 0;
  let tail = Promise.resolve();

  async function write(key: string, event: Event): Promise<void> {
    const before = known.get(key);
    const written = before ? await countUp(client, before, event) : await client.create(events, event);
    known.delete(key);
    known.set(key, written);
    for (const oldest of known.keys()) {
      if (known.size <= remembered) break;
      known.delete(oldest);
    }
  }

  return {
    record(about, type, reason, message, fieldPath) {
      if (waiting >= backlog) return;
      const event = eventOf(about, { type, reason, message, fieldPath, component, host });
      const key = JSON.stringify([event.involvedObject.uid, fieldPath, type, reason, message]);
      waiting++;
      tail = tail
        .then(() => write(key, event))
        .catch((error: unknown) => log.debug({ reason, error: messageOf(error) }, 'event not written'))
        .finally(() => waiting--);
    },
    [Symbol.asyncDispose]: () => tail,
  };
}

async function countUp(client: Client, before: Event, event: Event): Promise<Event> {
  const { namespace, name = '' } = before.metadata;
  const count = (before.count ?? 1) + 1;
  try {
    return await client.patch(events, { namespace, name }, { type: 'merge', body: { count, lastTimestamp: event.lastTimestamp } });
  } catch (error) {
    if (isKind(error, 'notFound')) return client.create(events, event);
    throw error;
  }
}

interface Facts {
  readonly type: string;
  readonly reason: string;
  readonly message: string;
  readonly fieldPath: string | undefined;
  readonly component: string;
  readonly host: string | undefined;
}

let sequence = 0;

function eventOf(about: KubernetesObject, { type, reason, message, fieldPath, component, host }: Facts): Event {
  const { namespace = 'default', name = '', uid, resourceVersion } = about.metadata;
  const now = new Date();
  const time = now.toISOString().replace(/\.\d+/, '');
  // As upstream: the object's name and the time in nanoseconds, in hex.
  const suffix = (BigInt(now.getTime()) * 1_000_000n + BigInt(sequence++ % 1_000_000)).toString(16);
  const { apiVersion, kind } = about;
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { namespace, name: `${name}.${suffix}` },
    involvedObject: { apiVersion, kind, namespace: about.metadata.namespace, name, uid, resourceVersion, fieldPath },
    type,
    reason,
    message: message.slice(0, 1024),
    source: { component, host },
    reportingComponent: component,
    reportingInstance: host ?? '',
    firstTimestamp: time,
    lastTimestamp: time,
    count: 1,
  };
}

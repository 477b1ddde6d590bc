import type { Kind, KubernetesObject } from '../../api/kubernetes/kinds.ts';
import type { Event } from '../../api/kubernetes/types.generated.ts';
import { events } from '../../api/kubernetes/kinds.ts';
import type { ObjectReader } from '../../kubernetes/client/object-reader.ts';
import type { Fix } from '../fixes.ts';
import type { PodWhy } from '../why-pod.ts';

/** What holds an object up: in words, and either the object that it waits for or the one command that clears it. */
export interface Finding {
  readonly text: string;
  readonly next?: Reference;
  readonly fix?: Fix;
}

export interface Reference {
  readonly kind: Kind;
  readonly namespace?: string | undefined;
  readonly name: string;
}

/** What a look at one object may ask. */
export interface Facts {
  readonly reader: ObjectReader;
  readonly now: number;
  /** Why a pod has no node. */
  whyUnplaced(key: { readonly namespace: string; readonly name: string }): Promise<PodWhy>;
}

export function referenceTo(kind: Kind, { metadata }: KubernetesObject): Reference {
  return { kind, namespace: metadata.namespace, name: metadata.name ?? '' };
}

/** `deployment web -n shop`, as kubectl takes it; two custom resources may have one kind, so that these come with their group. */
export function argumentsOf({ kind, namespace, name }: Reference): string {
  const isCustom = kind.group.includes('.') && !kind.group.endsWith('.k8s.io');
  const type = isCustom ? `${kind.resource}.${kind.group}` : kind.kind.toLowerCase();
  return `${type} ${name}${namespace === undefined ? '' : ` -n ${namespace}`}`;
}

export function patch(text: string, reference: Reference, body: object): Fix {
  return { text, command: `kubectl patch ${argumentsOf(reference)} --type=merge -p '${JSON.stringify(body)}'` };
}

/** The newest warning about an object, of these reasons if any are named. */
export async function lastWarning(
  { reader }: Facts,
  { metadata }: KubernetesObject,
  ...reasons: readonly string[]
): Promise<Event | undefined> {
  const about = (await reader.list(events, metadata.namespace)).filter(
    ({ type, reason, involvedObject }) =>
      type === 'Warning' && involvedObject.uid === metadata.uid && (reasons.length === 0 || reasons.includes(reason ?? '')),
  );
  return about.toSorted((a, b) => timeOf(b) - timeOf(a))[0];
}

const timeOf = ({ eventTime, lastTimestamp, metadata }: Event): number =>
  Date.parse(String(lastTimestamp ?? eventTime ?? metadata.creationTimestamp ?? '')) || 0;

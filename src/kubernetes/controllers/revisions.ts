import { createHash } from 'node:crypto';
import { controllerRevisions } from '../../api/kubernetes/kinds.ts';
import type { ControllerRevision, DaemonSet, StatefulSet } from '../../api/kubernetes/types.generated.ts';
import type { Client } from '../client/client.ts';
import { canonical } from './deployment/template.ts';
import { isKind } from '../../base/errors.ts';
import { claimOwned } from './owned.ts';
import { controllerReference } from './pod-facts.ts';

/** Pods carry it: which revision they were made from. */
export const revisionLabel = 'controller-revision-hash';
export const hashLabel = 'controller.kubernetes.io/hash';

export interface Revisions {
  /** The revision that pods below the partition keep. */
  readonly current: ControllerRevision;
  readonly update: ControllerRevision;
}

type Owner = StatefulSet | DaemonSet;

const alphabet = 'bcdfghjklmnpqrstvwxz2456789';

/** The revision of the set's template, made when it is new, and the one that the set's status calls current. */
export async function revisionsOf(client: Client, set: Owner): Promise<Revisions & { readonly history: readonly ControllerRevision[] }> {
  const history = await claimOwned(client, set, controllerRevisions, set.spec?.selector);
  const newest = Math.max(0, ...history.map((one) => one.revision));
  const data = dataOf(set);
  const same = history.find((one) => canonical(one.data) === canonical(data));
  const update = await (same ? raise(client, same, newest) : create(client, set, newest + 1));
  const current = history.find((one) => one.metadata.name === (set as StatefulSet).status?.currentRevision) ?? update;
  return { current, update, history: [...history.filter((one) => one.metadata.name !== update.metadata.name), update] };
}

/** Revisions that no pod runs and that are beyond spec.revisionHistoryLimit, oldest first. */
export function surplusRevisions(
  set: Owner,
  history: readonly ControllerRevision[],
  inUse: ReadonlySet<string | undefined>,
): readonly ControllerRevision[] {
  const idle = history.filter((one) => !inUse.has(one.metadata.name)).toSorted((a, b) => a.revision - b.revision);
  return idle.slice(0, Math.max(0, idle.length - (set.spec?.revisionHistoryLimit ?? 10)));
}

/** As upstream: a patch that `kubectl rollout undo` can apply to the set. */
function dataOf(set: Owner): unknown {
  return { spec: { template: { ...set.spec?.template, $patch: 'replace' } } };
}

function create(client: Client, set: Owner, revision: number): Promise<ControllerRevision> {
  const hash = Array.from(
    createHash('sha256')
      .update(canonical(dataOf(set)))
      .digest()
      .subarray(0, 10),
    (byte) => alphabet[byte % alphabet.length],
  ).join('');
  const { namespace, name } = set.metadata;
  const labels = { ...set.spec?.selector.matchLabels, [hashLabel]: hash };
  const metadata = { namespace, name: `${name}-${hash}`, labels, ownerReferences: [controllerReference(set)] };
  return client.create(controllerRevisions, {
    apiVersion: 'apps/v1',
    kind: 'ControllerRevision',
    metadata,
    data: dataOf(set) as ControllerRevision['data'],
    revision,
  });
}

/** A template that comes back is the newest revision again. */
async function raise(client: Client, known: ControllerRevision, newest: number): Promise<ControllerRevision> {
  if (known.revision === newest) return known;
  return client.update(controllerRevisions, { ...known, revision: newest + 1 });
}

export async function removeRevision(client: Client, { metadata }: ControllerRevision): Promise<void> {
  await client.delete(controllerRevisions, { namespace: metadata.namespace, name: metadata.name ?? '' }).catch((error: unknown) => {
    if (!isKind(error, 'notFound')) throw error;
  });
}

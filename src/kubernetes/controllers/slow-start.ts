import { pods, type KubernetesObject } from '../../api/kubernetes/kinds.ts';
import type { Pod } from '../../api/kubernetes/types.generated.ts';
import { isKind, messageOf } from '../../base/errors.ts';
import type { Context } from './reconciler.ts';

export interface Failure {
  readonly reason: 'FailedCreate';
  readonly message: string;
}

/**
 * Creates an owner's pods 1, 2, 4, … at a time: a template that the API refuses costs one request, not five hundred.
 * What the API refuses is answered; what will be different next time (a conflict, a vanished namespace) is thrown.
 */
export async function createPods(
  { client, record }: Context,
  owner: KubernetesObject,
  wanted: readonly Pod[],
): Promise<Failure | undefined> {
  try {
    for (const batch of doublingBatches(wanted)) {
      const made = await Promise.all(batch.map((pod) => client.create(pods, pod)));
      for (const { metadata } of made) record(owner, 'Normal', 'SuccessfulCreate', `Created pod: ${metadata.name}`);
    }
  } catch (error) {
    if (isKind(error, 'conflict') || isKind(error, 'notFound')) throw error;
    record(owner, 'Warning', 'FailedCreate', `Error creating: ${messageOf(error)}`);
    return { reason: 'FailedCreate', message: messageOf(error) };
  }
  return undefined;
}

function doublingBatches<T>(items: readonly T[]): readonly (readonly T[])[] {
  const batches: (readonly T[])[] = [];
  for (let [start, size] = [0, 1]; start < items.length; start += size, size *= 2) batches.push(items.slice(start, start + size));
  return batches;
}

/** Deletes pods by name; those that are gone are gone. */
export async function deletePods({ client, record }: Context, owner: KubernetesObject, names: readonly string[]): Promise<void> {
  for (const name of names) {
    await client.delete(pods, { namespace: owner.metadata.namespace, name }).catch((error: unknown) => {
      if (!isKind(error, 'notFound')) throw error;
    });
    record(owner, 'Normal', 'SuccessfulDelete', `Deleted pod: ${name}`);
  }
}

import type { KubernetesObject } from '../../../api/kubernetes/kinds.ts';
import type { OwnerReference } from '../../../api/kubernetes/types.generated.ts';

export const foreground = 'foregroundDeletion';
export const orphan = 'orphan';

/** Solid: there, and to stay. Waiting: being deleted, once its dependents are gone. Dangling: there no more. */
export type OwnerState = 'solid' | 'waiting' | 'dangling';

/** The state of the owner that a reference names, given the object that now has its name. */
export function ownerState(reference: OwnerReference, found: KubernetesObject | undefined): OwnerState {
  if (!found || found.metadata.uid !== reference.uid) return 'dangling';
  return found.metadata.deletionTimestamp && found.metadata.finalizers?.includes(foreground) ? 'waiting' : 'solid';
}

export type Verdict =
  | { readonly type: 'keep' }
  /** Some owners are gone, others stay: only the references to the gone ones go. */
  | { readonly type: 'release'; readonly references: readonly OwnerReference[] }
  | { readonly type: 'delete'; readonly policy: 'Background' | 'Foreground' };

/** What becomes of an object, by the states of its owners (attemptToDeleteItem of upstream). */
export function verdictOn(object: KubernetesObject, states: readonly OwnerState[], hasDependents: boolean): Verdict {
  const references = object.metadata.ownerReferences ?? [];
  if (references.length === 0 || object.metadata.deletionTimestamp) return { type: 'keep' };
  if (states.includes('solid')) {
    const solid = references.filter((_, index) => states[index] === 'solid');
    return solid.length === references.length ? { type: 'keep' } : { type: 'release', references: solid };
  }
  return { type: 'delete', policy: states.includes('waiting') && hasDependents ? 'Foreground' : 'Background' };
}

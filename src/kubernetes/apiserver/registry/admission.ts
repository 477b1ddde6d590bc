import type { User } from '../access/user.ts';
import type { Resource } from '../resources.ts';
import type { Body } from '../strategies/strategy.ts';

/** A write on its way in, as admission sees it. */
export interface AdmissionRequest {
  readonly operation: 'CREATE' | 'UPDATE' | 'DELETE' | 'CONNECT';
  readonly resource: Resource;
  readonly subresource?: string;
  readonly namespace: string | undefined;
  readonly name: string;
  /** What is to be written; for a deletion what is there. */
  readonly object: Body;
  readonly before: Body | undefined;
  readonly user: User;
  readonly dryRun: boolean;
  /** The request's options, as a webhook is shown them. */
  readonly options?: object;
  /** Tells the client something, without refusing. */
  warn(message: string): void;
}

/** Who may change or refuse what is about to be written, in two rounds: all that change it, then all that judge it. */
export interface Admission {
  mutate(request: AdmissionRequest): Promise<Body>;
  validate(request: AdmissionRequest): Promise<void>;
  /** Right before the write, with the lock held that this names; undefined: nothing to reserve. */
  lockOf(request: AdmissionRequest): string | undefined;
  reserve(request: AdmissionRequest): Promise<void>;
}

/** Lets everything through as it is. */
export const admitAll: Admission = {
  mutate: ({ object }) => Promise.resolve(object),
  validate: () => Promise.resolve(),
  lockOf: () => undefined,
  reserve: () => Promise.resolve(),
};

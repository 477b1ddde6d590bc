import type { Digest } from '../../base/digest.ts';
import type { Container } from './container.ts';

/** A container as it is stored. */
export interface ContainerRecord extends Container {
  /** Diff IDs of the image, lowest first. */
  readonly layers: readonly Digest[];
  /** With `pid` it names the process for good, across davit's restarts and pid reuse. */
  readonly pidStartTime: number | undefined;
  /** Where the running container's network namespace is pinned; undefined on the host's or another container's. */
  readonly netnsPath: string | undefined;
  /** Image name as the user gave it is in `spec.image`; temporary build steps are hidden from garbage rules. */
  readonly isBuildStep: boolean;
  /** One more for each start and removal of the present run: a late exit of an earlier run is ignored. */
  readonly run: number;
}

/** The facts of a container that has not lived yet. */
export const unbornFacts = {
  startedAt: undefined,
  finishedAt: undefined,
  pausedAt: undefined,
  pid: undefined,
  exitCode: undefined,
  oomKilled: false,
  error: undefined,
  restartCount: 0,
  isRestarting: false,
  isRemoving: false,
  stoppedByUser: false,
  health: undefined,
  endpoints: [],
  ports: [],
  logPath: undefined,
  execIds: [],
  pidStartTime: undefined,
  netnsPath: undefined,
  run: 0,
} as const;

const dates: ReadonlySet<string> = new Set(['createdAt', 'startedAt', 'finishedAt', 'pausedAt', 'start', 'end']);

export function encodeContainer(record: ContainerRecord): Uint8Array {
  return Buffer.from(JSON.stringify(record));
}

export function decodeContainer(value: Uint8Array): ContainerRecord {
  return JSON.parse(Buffer.from(value).toString(), (key, each: unknown) =>
    dates.has(key) && typeof each === 'string' ? new Date(each) : each,
  ) as ContainerRecord;
}

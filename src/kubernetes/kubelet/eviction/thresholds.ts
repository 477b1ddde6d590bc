import { quantityOf } from '../../../api/kubernetes/quantity.ts';
import { KindError } from '../../../base/errors.ts';

/** What can run out on a node, in the words of kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/#eviction-signals */
export type Signal =
  | 'memory.available'
  | 'nodefs.available'
  | 'nodefs.inodesFree'
  | 'imagefs.available'
  | 'imagefs.inodesFree'
  | 'pid.available';

export type Condition = 'MemoryPressure' | 'DiskPressure' | 'PIDPressure';

export interface SignalFacts {
  readonly condition: Condition;
  /** As messages name it. */
  readonly resource: 'memory' | 'ephemeral-storage' | 'inodes' | 'pids';
}

/** In the order in which they are heeded: memory first. */
export const signals: Readonly<Record<Signal, SignalFacts>> = {
  'memory.available': { condition: 'MemoryPressure', resource: 'memory' },
  'nodefs.available': { condition: 'DiskPressure', resource: 'ephemeral-storage' },
  'nodefs.inodesFree': { condition: 'DiskPressure', resource: 'inodes' },
  'imagefs.available': { condition: 'DiskPressure', resource: 'ephemeral-storage' },
  'imagefs.inodesFree': { condition: 'DiskPressure', resource: 'inodes' },
  'pid.available': { condition: 'PIDPressure', resource: 'pids' },
};

export interface Threshold {
  readonly signal: Signal;
  readonly limit: { readonly value: number } | { readonly share: number };
  /** 0: hard. */
  readonly graceMs: number;
}

/** As upstream sets it but for the disk's 10 and 15 %: on a developer's machine that is half a disk's worth of work, and no emergency (k3s: 5 %). */
export const defaultHard = 'memory.available<100Mi,nodefs.available<5%,nodefs.inodesFree<5%,imagefs.available<5%,imagefs.inodesFree<5%';

/** `memory.available<100Mi,nodefs.available<10%`, with `memory.available=1m30s` as grace periods for soft ones. Throws `invalid`. */
export function parseThresholds(text: string, grace?: string): readonly Threshold[] {
  const graces = new Map(parts(grace ?? '').map((part) => part.split('=', 2) as [string, string]));
  return parts(text).map((part): Threshold => {
    const [signal = '', limit = ''] = part.split('<', 2);
    if (!(signal in signals)) throw new KindError('invalid', `unsupported eviction signal "${signal}" in "${part}"`);
    const graceText = graces.get(signal);
    if (grace !== undefined && graceText === undefined)
      throw new KindError('invalid', `grace period must be specified for the soft eviction threshold "${signal}"`);
    return { signal: signal as Signal, limit: limitOf(part, limit), graceMs: graceText === undefined ? 0 : durationOf(graceText) };
  });
}

function parts(text: string): readonly string[] {
  return text
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean);
}

function limitOf(part: string, text: string): Threshold['limit'] {
  const percent = /^(\d+(?:\.\d+)?)%$/.exec(text);
  if (percent) return { share: Number(percent[1]) / 100 };
  try {
    return { value: quantityOf(text) };
  } catch (error) {
    throw new KindError('invalid', `"${part}" is no eviction threshold: write signal<quantity or signal<percentage%`, { cause: error });
  }
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

function durationOf(text: string): number {
  const found = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  if (found.map(([whole]) => whole).join('') !== text || found.length === 0) throw new KindError('invalid', `"${text}" is no duration`);
  return found.reduce((sum, [, number, unit]) => sum + Number(number) * (unitMs[unit ?? ''] ?? 0), 0);
}

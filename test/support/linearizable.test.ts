import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Action, findViolation, type Operation } from './linearizable.ts';

/** `[called, returned, action]` on one key. */
const history = (...operations: readonly (readonly [number, number | undefined, Action])[]): Operation[] =>
  operations.map(([called, returned, action]) => ({ key: 'a', called, returned, ...action }));
const read = (value?: string): Action => ({ kind: 'read', value });
const write = (value?: string): Action => ({ kind: 'write', value });
const swap = (expected: string | undefined, value: string, succeeded = true): Action => ({ kind: 'swap', expected, value, succeeded });

const right: Readonly<Record<string, readonly Operation[]>> = {
  nothing: [],
  'one after the other': history([1, 2, read()], [3, 4, write('1')], [5, 6, read('1')], [7, 8, write(undefined)], [9, 10, read()]),
  'a read beside a write sees either': history([1, 10, write('1')], [2, 3, read()], [4, 5, read('1')]),
  'of two swaps beside each other one loses': history([1, 4, swap(undefined, 'x')], [2, 5, swap(undefined, 'y', false)], [6, 7, read('x')]),
  'a write without an answer takes effect late': history([1, undefined, write('1')], [2, 3, read()], [4, 5, read('1')]),
  'a write without an answer never takes effect': history([1, undefined, write('1')], [2, 3, read()], [4, 5, read()]),
  'a swap without an answer that found something else': history([1, 2, write('1')], [3, undefined, swap('0', 'x')], [4, 5, read('1')]),
  'an order that is not the order of the calls': history([1, 8, write('1')], [2, 9, write('2')], [3, 4, read('2')], [5, 6, read('1')]),
  'keys are apart': [...history([1, 2, write('1')]), { key: 'b', called: 3, returned: 4, kind: 'read', value: undefined }],
};

const wrong: Readonly<Record<string, readonly Operation[]>> = {
  'a stale read': history([1, 2, write('1')], [3, 4, write('2')], [5, 6, read('1')]),
  'a lost write': history([1, 2, write('1')], [3, 4, read()]),
  'a value that nobody wrote': history([1, 2, read('1')]),
  'two swaps of the same value succeed': history([1, 4, swap(undefined, 'x')], [2, 5, swap(undefined, 'y')]),
  'a swap is refused although its value is there': history([1, 2, write('1')], [3, 4, swap('1', 'x', false)]),
  'two readers see two writes in different orders': history(
    [1, 20, write('1')],
    [2, 20, write('2')],
    [3, 4, read('1')],
    [5, 6, read('2')],
    [7, 8, read('1')],
  ),
  'a write without an answer takes effect and is gone again': history([1, undefined, write('1')], [2, 3, read('1')], [4, 5, read()]),
  'the future is read': history([1, 2, read('1')], [3, 4, write('1')]),
};

for (const [name, operations] of Object.entries(right)) test(`accepts: ${name}`, () => assert.equal(findViolation(operations), undefined));
for (const [name, operations] of Object.entries(wrong)) test(`rejects: ${name}`, () => assert.equal(findViolation(operations)?.key, 'a'));

/** A register used by many at once: each operation takes effect at one moment between its call and its return. */
function recorded(seed: number, clients: number, count: number): Operation[] {
  const random = numbers(seed);
  let [state, clock]: [string | undefined, number] = [undefined, 0];
  const operations: Operation[] = [];
  const running: { at: number; run: () => void }[] = [];
  const begin = (index: number): void => {
    const called = (clock += 1);
    const kind = random() % 3;
    const value = `v${index}`;
    const expected = random() % 2 === 0 ? state : `v${random() % (index + 1)}`;
    let action: Action = write(value);
    running.push({
      at: clock + 1 + (random() % (2 * clients)),
      run: () => {
        if (kind === 0) action = read(state);
        if (kind === 1) [action, state] = [swap(expected, value, expected === state), expected === state ? value : state];
        if (kind === 2) state = value;
        running.push({
          at: clock + (random() % clients),
          run: () => operations.push({ key: 'a', called, returned: (clock += 1), ...action }),
        });
      },
    });
  };
  for (let index = 0; index < count || running.length > 0; clock += 1) {
    if (index < count && running.length < clients) begin(index++);
    for (const due of running.filter(({ at }) => at <= clock)) {
      running.splice(running.indexOf(due), 1);
      due.run();
    }
  }
  return operations;
}

/** A small generator of numbers, the same for the same seed. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => (state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff) >>> 8;
}

test('accepts what a real register answered, and notices a changed answer', () => {
  let noticed = 0;
  for (let seed = 1; seed <= 40; seed += 1) {
    const operations = recorded(seed, 8, 150);
    assert.equal(findViolation(operations), undefined, `seed ${seed}`);
    const reads = operations.filter((operation) => operation.kind === 'read');
    const victim = reads[Math.floor(reads.length / 2)];
    const changed = operations.map((operation) => (operation === victim ? { ...operation, value: 'v0' } : operation));
    if (victim?.kind === 'read' && victim.value !== 'v0' && findViolation(changed)) noticed += 1;
  }
  assert(noticed >= 38, `${noticed} of 40`);
});

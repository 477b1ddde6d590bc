/**
 * Checks recorded histories of a key-value store for linearizability: is there an order of the operations that respects
 * real time (one that returned before another was called comes first) and in which each answer is right?
 *
 *   client 1:  |--write a=1--|            |--read a → 1--|        yes: write, read
 *   client 2:        |--write a=2 … no answer                     (that write may take effect at any later time, or never)
 *
 * Wing and Gong's search with the cache of Lowe (Testing for linearizability, 2017), key by key: operations on different
 * keys are independent (Herlihy and Wing's locality). Values must be different for each write.
 */
export type Operation = {
  readonly key: string;
  /** Positions in one total order of all calls and returns; `returned` is undefined when no answer told what happened. */
  readonly called: number;
  readonly returned: number | undefined;
} & Action;

/** A value is undefined when there is no such key; writing undefined deletes. */
export type Action =
  | { readonly kind: 'read'; readonly value: string | undefined }
  | { readonly kind: 'write'; readonly value: string | undefined }
  /** Writes `value` if `expected` is there; `succeeded` is what the answer said. */
  | { readonly kind: 'swap'; readonly expected: string | undefined; readonly value: string | undefined; readonly succeeded: boolean };

/** The first key whose operations have no such order, with them; undefined when all have. */
export function findViolation(
  history: readonly Operation[],
): { readonly key: string; readonly operations: readonly Operation[] } | undefined {
  for (const [key, operations = []] of Object.entries(Object.groupBy(history, (operation) => operation.key))) {
    if (!isLinearizable(operations)) return { key, operations };
  }
  return undefined;
}

type State = string | undefined;

/** The state after the operation; `impossible` when its answer is wrong in this state. */
function step(state: State, operation: Operation): State | typeof impossible {
  if (operation.kind === 'read') return operation.value === state ? state : impossible;
  if (operation.kind === 'write') return operation.value;
  const holds = operation.expected === state;
  if (operation.returned !== undefined && operation.succeeded !== holds) return impossible;
  return holds ? operation.value : state;
}

const impossible = Symbol('impossible');

/** A call or a return, in a list from which an operation is taken while it is assumed to come next. */
interface Event {
  readonly index: number;
  readonly operation: Operation;
  /** Of a call: its return. */
  readonly end: Event | undefined;
  before: Event | undefined;
  after: Event | undefined;
}

function isLinearizable(operations: readonly Operation[]): boolean {
  const head = eventList(operations);
  const tried = new Set<string>();
  const chosen: { readonly event: Event; readonly state: State }[] = [];
  let [state, done, open]: [State, bigint, number] = [undefined, 0n, operations.filter(({ returned }) => returned !== undefined).length];
  let event = head.after;
  while (open > 0) {
    if (event?.end) {
      const next = step(state, event.operation);
      const after = done | (1n << BigInt(event.index));
      if (next !== impossible && isNew(tried, after, next)) {
        chosen.push({ event, state });
        take(event);
        [state, done, open] = [next, after, open - (event.operation.returned === undefined ? 0 : 1)];
        event = head.after;
      } else event = event.after;
      continue;
    }
    // The return of an operation that was not chosen yet: an earlier choice was wrong.
    const wrong = chosen.pop();
    if (!wrong) return false;
    putBack(wrong.event);
    done &= ~(1n << BigInt(wrong.event.index));
    [state, open] = [wrong.state, open + (wrong.event.operation.returned === undefined ? 0 : 1)];
    event = wrong.event.after;
  }
  return true;
}

function isNew(tried: Set<string>, done: bigint, state: State): boolean {
  const key = `${done.toString(36)} ${state ?? ''}`;
  if (tried.has(key)) return false;
  tried.add(key);
  return true;
}

/** Calls and returns in order behind an empty head; what never returned returns at the end. */
function eventList(operations: readonly Operation[]): Event {
  const events = operations.flatMap((operation, index) => {
    const end: Event = { index, operation, end: undefined, before: undefined, after: undefined };
    const call: Event = { index, operation, end, before: undefined, after: undefined };
    return [
      { at: operation.called, event: call },
      { at: operation.returned ?? Infinity, event: end },
    ];
  });
  const head = { index: -1, before: undefined, after: undefined } as unknown as Event;
  let last = head;
  for (const { event } of events.toSorted((a, b) => (a.at === b.at ? 0 : a.at - b.at))) {
    last.after = event;
    event.before = last;
    last = event;
  }
  return head;
}

function take(call: Event): void {
  for (const event of [call, call.end as Event]) {
    if (event.before) event.before.after = event.after;
    if (event.after) event.after.before = event.before;
  }
}

/** In the reverse order of `take`: the neighbours are where they were. */
function putBack(call: Event): void {
  for (const event of [call.end as Event, call]) {
    if (event.before) event.before.after = event;
    if (event.after) event.after.before = event;
  }
}

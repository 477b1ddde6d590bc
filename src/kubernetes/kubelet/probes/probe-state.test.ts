import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eagerDelayMs, initialState, withOutcome, type ProbeKind } from './probe-state.ts';

/** `+` a success, `-` a failure; the verdict after each. */
const table: readonly (readonly [ProbeKind, { readonly successThreshold?: number; readonly failureThreshold?: number }, string, string])[] =
  [
    ['readiness', {}, '-+--+---+', '011111101'],
    ['readiness', { successThreshold: 2, failureThreshold: 1 }, '+++-+', '01100'],
    ['liveness', { failureThreshold: 2 }, '-+--', '1110'],
    ['startup', {}, '--+', '001'],
  ];

for (const [kind, probe, outcomes, verdicts] of table) {
  test(`${kind} ${JSON.stringify(probe)}: ${outcomes}`, () => {
    let state = initialState(kind);
    const found = [...outcomes].map((outcome) => {
      state = withOutcome(state, probe, outcome === '+');
      return state.verdict ? '1' : '0';
    });
    assert.equal(found.join(''), verdicts);
  });
}

test('looks between two periods come soon at first, and never later than the period', () => {
  assert.deepEqual(
    [0, 1, 2, 9].map((attempt) => eagerDelayMs({ periodSeconds: 5 }, attempt)),
    [100, 200, 400, 5000],
  );
  assert.equal(eagerDelayMs({ exec: { command: ['true'] } }, 0), 400);
});

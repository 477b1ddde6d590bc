import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shareOf } from './elements.ts';
import type { Frontend } from './service-port.ts';
import { TableState } from './table-state.ts';

const base: Frontend = {
  view: 'all',
  way: 'cluster',
  address: '10.96.0.7',
  protocol: 'tcp',
  port: 80,
  backends: [
    { ip: '10.244.0.5', port: 8080 },
    { ip: '10.244.0.6', port: 8080 },
  ],
  masquerade: 'strangers',
  otherwise: 'reject',
  affinitySeconds: undefined,
  sources: undefined,
};

function world(): { readonly state: TableState; put(owner: string, ...frontends: readonly Frontend[]): void } {
  const state = new TableState('10.244.0.0/24');
  return { state, put: (owner, ...frontends) => state.put(owner, shareOf(frontends, state.share(owner))) };
}

const words = (elements: readonly { collection: string; key: string; value?: string }[]): string[] =>
  elements.map(({ collection, key, value }) => `${collection}: ${key}${value === undefined ? '' : ` → ${value}`}`).toSorted();

test('a Service is a few elements; alike ones share their chain', () => {
  const { state, put } = world();
  put('default/web', base);
  const text = state.whole();
  assert.match(
    text,
    /chain choose-address-2-strangers \{\n {2}ip saddr != 10\.244\.0\.0\/24 meta mark set meta mark or 0x4000\n {2}numgen random mod 2 vmap \{ 0 : goto pick-address-0, 1 : goto pick-address-1 \}/,
  );
  assert.match(text, /add element ip davit_proxy address-frontends \{ 10\.96\.0\.7 \. tcp \. 80 : goto choose-address-2-strangers \}/);
  assert.match(text, /add element ip davit_proxy address-backends-1 \{ 10\.96\.0\.7 \. tcp \. 80 : 10\.244\.0\.6 \. 8080 \}/);
  state.applied();
  put('default/other', { ...base, address: '10.96.0.8' });
  const { parts, elements } = state.changes();
  assert.equal(parts, '');
  assert.equal(elements.add.length, 4);
  assert.deepEqual(elements.remove, []);
});

test('one backend more: its element and the way to it; the same again: nothing', () => {
  const { state, put } = world();
  put('default/web', base);
  state.whole();
  state.applied();
  const more = { ...base, backends: [...base.backends, { ip: '10.244.0.7', port: 8080 }] };
  put('default/web', more);
  const { parts, elements } = state.changes();
  assert.match(parts, /map address-backends-2[\s\S]*chain choose-address-3-strangers/);
  assert(!parts.includes('address-backends-1 {'));
  assert.deepEqual(words(elements.remove), ['address-frontends: 10.96.0.7 . tcp . 80 → goto choose-address-2-strangers']);
  assert.deepEqual(words(elements.add), [
    'address-backends-2: 10.96.0.7 . tcp . 80 → 10.244.0.7 . 8080',
    'address-frontends: 10.96.0.7 . tcp . 80 → goto choose-address-3-strangers',
    'hairpin: 10.244.0.7 . 10.244.0.7',
  ]);
  state.applied();
  put('default/web', more);
  assert.deepEqual(state.changes(), { parts: '', elements: { remove: [], add: [] } });
});

test('without backends a Service refuses; gone, nothing of it is left', () => {
  const { state, put } = world();
  put('default/web', base);
  state.applied();
  put('default/web', { ...base, backends: [] });
  assert(words(state.changes().elements.add).includes('address-idle: 10.96.0.7 . tcp . 80 → goto refuse'));
  state.applied();
  put('default/web');
  assert.deepEqual(words(state.changes().elements.remove), [
    'address-idle: 10.96.0.7 . tcp . 80 → goto refuse',
    'cluster-addresses: 10.96.0.7',
  ]);
  state.applied();
  assert(!state.whole().includes('10.96.0.7'));
});

test('an element two Services need stays until the last is gone; of a contested address the first by name has it', () => {
  const { state, put } = world();
  const external = { ...base, way: 'external' as const, address: '192.0.2.9' };
  put('default/b', external);
  state.applied();
  put('default/a', { ...external, backends: [{ ip: '10.244.0.9', port: 1 }] });
  assert(words(state.changes().elements.add).includes('address-backends-0: 192.0.2.9 . tcp . 80 → 10.244.0.9 . 1'));
  state.applied();
  put('default/a');
  assert(words(state.changes().elements.add).includes('address-backends-0: 192.0.2.9 . tcp . 80 → 10.244.0.5 . 8080'));
});

test('affinity remembers by slot; a hole is no choice', () => {
  const { state, put } = world();
  const affine = { ...base, affinitySeconds: 60 };
  put('default/web', affine);
  assert.match(state.whole(), /ip saddr \. ip daddr \. meta l4proto \. th dport @address-clients-1 goto pick-address-1-60s/);
  state.applied();
  put('default/web', { ...affine, backends: affine.backends.slice(1) });
  assert.match(
    state.changes().parts,
    /chain choose-address-x2-strangers-60s \{[\s\S]*numgen random mod 1 vmap \{ 0 : goto pick-address-1-60s \}/,
  );
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseFilters } from '../api/docker/filters.ts';
import { parseTime } from '../api/docker/time.ts';
import { splitVersion } from '../api/docker/version.ts';
import type { Container } from '../engine/containers/container.ts';
import { containerFilters, selectContainers } from './filter-containers.ts';
import { eventMatches } from './filter-events.ts';
import { imageFilters, nameMatches, selectImages } from './filter-images.ts';
import { created, exited, sampleContainer, sampleImage, start } from './samples.fake.ts';

const later = new Date(start.getTime() + 1000);
const web = sampleContainer();
const done: Container = sampleContainer({ ...exited, id: 'd'.repeat(64), name: 'done', createdAt: later, labels: { app: 'job' } });
const fresh: Container = sampleContainer({
  ...created,
  id: 'f'.repeat(64),
  name: 'fresh',
  createdAt: new Date(later.getTime() + 1000),
  labels: {},
});
const image = sampleImage();
const images = new Map<string, typeof image>([[image.id, image]]);

function names(filters: object, options: { all?: boolean; limit?: number } = {}): string {
  const parsed = parseFilters(JSON.stringify(filters), containerFilters);
  const all = options.all ?? false;
  return selectContainers([fresh, done, web], images, { all, limit: options.limit, filters: parsed })
    .map((container) => container.name)
    .join(' ');
}

const selections: readonly (readonly [filters: object, expected: string])[] = [
  [{}, 'fresh done web'],
  [{ name: ['^do'] }, 'done'],
  [{ name: ['/web'] }, 'web'],
  [{ id: ['dddd'] }, 'done'],
  [{ label: ['app'] }, 'done web'],
  [{ label: ['app=web', 'tier'] }, 'web'],
  [{ label: { 'app=job': true } }, 'done'],
  [{ status: ['exited', 'created'] }, 'fresh done'],
  [{ exited: ['137'] }, 'done'],
  [{ exited: ['0'] }, ''],
  [{ ancestor: ['nginx:1.27'], status: ['running'] }, 'web'],
  [{ ancestor: ['redis'] }, ''],
  [{ network: ['bridge'], name: ['web'] }, 'web'],
  [{ publish: ['32768'] }, 'web'],
  [{ publish: ['81-90/tcp'] }, ''],
  [{ expose: ['80/tcp'] }, 'web'],
  [{ volume: ['vol'], status: ['running'] }, 'web'],
  [{ volume: ['/data'], status: ['exited'] }, 'done'],
  [{ health: ['none'], name: ['web'] }, 'web'],
  [{ before: ['done'] }, 'web'],
  [{ since: ['done'] }, 'fresh'],
];

for (const [filters, expected] of selections) {
  test(`containers with ${JSON.stringify(filters)}`, () => assert.equal(names(filters, { all: true }), expected));
}

test('only what is up, unless asked', () => {
  assert.equal(names({}), 'web');
  assert.equal(names({}, { limit: 1 }), 'fresh');
  assert.equal(names({ status: ['exited'] }), 'done');
});

test('filters that do not exist or make no sense are refused', () => {
  assert.throws(() => names({ colour: ['red'] }), { kind: 'invalid', message: "invalid filter 'colour'" });
  assert.throws(() => names({ status: ['asleep'] }), { kind: 'invalid' });
  assert.throws(() => names({ since: ['nobody'] }), { kind: 'notFound' });
  assert.throws(() => parseFilters('[', []), { kind: 'invalid' });
});

test('images: dangling steps only with all; references are globs', () => {
  const base = sampleImage({ id: `sha256:${'1'.repeat(64)}`, names: [] });
  const child = sampleImage({ parent: base.id });
  const list = (all: boolean, filters: object): readonly string[] =>
    selectImages([child, base], { all, filters: parseFilters(JSON.stringify(filters), imageFilters), until: undefined }).map((one) =>
      one.names.join(),
    );
  assert.deepEqual(list(false, {}), ['nginx:1.27']);
  assert.deepEqual(list(true, {}), ['nginx:1.27', '']);
  assert.deepEqual(list(true, { dangling: ['true'] }), ['']);
  assert.deepEqual(list(true, { reference: ['ngi*'] }), ['nginx:1.27']);
  assert.deepEqual(
    ['*', 'nginx', 'nginx:1*', '*/nginx'].map((pattern) => nameMatches(pattern, 'nginx:1.27')),
    [true, true, true, false],
  );
});

test('events by container, image, action and label', () => {
  const event = {
    type: 'container' as const,
    action: 'exec_create: sh',
    id: 'abc123',
    attributes: { name: 'web', image: 'nginx:1.27', app: 'x' },
    time: start,
  };
  const matches = (filters: object): boolean => eventMatches(event, parseFilters(JSON.stringify(filters), undefined));
  assert.deepEqual(
    [{ container: ['web'] }, { container: ['abc'] }, { image: ['nginx'] }, { event: ['exec_create'] }, { label: ['app=x'] }].map(matches),
    [true, true, true, true, true],
  );
  assert.deepEqual([{ container: ['db'] }, { network: ['web'] }, { event: ['die'] }, { label: ['app=y'] }].map(matches), [
    false,
    false,
    false,
    false,
  ]);
});

test('times and versions', () => {
  assert.equal(parseTime('since', '1700000000.5')?.getTime(), 1_700_000_000_500);
  assert.equal(parseTime('since', '0'), undefined);
  assert.throws(() => parseTime('since', 'yesterday'), { kind: 'invalid' });
  assert.deepEqual(splitVersion('/v1.30/info'), { minor: 30, path: '/info' });
  assert.deepEqual(splitVersion('/info'), { minor: 50, path: '/info' });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { explanationText } from '../image-explain.ts';
import { whyText } from '../build-why.ts';
import { buildQuery } from './build-query.ts';
import { PlainProgress } from './plain-progress.ts';
import type { StepEvent } from './step-names.ts';
import { TreeProgress } from './tree-progress.ts';

const plan: StepEvent = {
  do: 'plan',
  steps: [
    { number: 1, stage: 0, stageName: 'a', text: 'FROM x AS a', line: 1 },
    { number: 2, stage: 0, stageName: 'a', text: 'RUN <<E', line: 2 },
    { number: 3, stage: 1, text: 'FROM x', line: 5 },
  ],
};
const events: readonly StepEvent[] = [
  plan,
  { do: 'begin', step: 1 },
  { do: 'end', step: 1, how: 'done' },
  { do: 'begin', step: 2 },
  { do: 'print', step: 2, text: ' ---> Running in 0123\n' },
  { do: 'log', step: 2, stream: 'stdout', text: 'one\ntw' },
  { do: 'begin', step: 3 },
  { do: 'log', step: 2, stream: 'stderr', text: 'o\nrest' },
  { do: 'end', step: 3, how: 'cached' },
  { do: 'end', step: 2, how: 'failed' },
  { do: 'say', text: 'bye\n' },
];

test('plain: each line with its step, whole lines only', () => {
  let [said, now] = ['', 0];
  const progress = new PlainProgress(
    (text) => (said += text),
    () => (now += 100),
  );
  for (const event of events) progress.take(event);
  progress.close();
  assert.equal(
    said.replaceAll(/\d\.\d+/g, 'T'),
    '#1 [a 1/2] FROM x AS a\n#1 DONE Ts\n#2 [a 2/2] RUN <<E\n#2 T one\n#3 [stage-1 1/1] FROM x\n#2 T two\n#3 CACHED\n#2 T rest\n#2 FAILED Ts\nbye\n',
  );
});

test('tree: one line per step, the end of the output under what runs or failed; never more than fits', () => {
  const drawn: string[] = [];
  const progress = new TreeProgress({ columns: 40, rows: 20, write: (text) => drawn.push(text) }, () => 0);
  const shown = (): readonly string[] => progress.lines().map((line) => stripVTControlCharacters(line).trimEnd());
  for (const event of events.slice(0, 7)) progress.take(event);
  assert.deepEqual(shown(), [
    '✓ [a 1/2] FROM x AS a              0.0s',
    '⠋ [a 2/2] RUN <<E                  0.0s',
    '  │ one',
    '  │ tw',
    '⠋ [stage-1 1/1] FROM x             0.0s',
  ]);
  for (const event of events.slice(7)) progress.take(event);
  progress.close();
  assert.deepEqual(shown().slice(-4), ['  │ one', '  │ two', '  │ rest', '✓ [stage-1 1/1] FROM x           cached']);
  assert.equal(drawn.at(-1), 'bye\n');
  const small = new TreeProgress({ columns: 40, rows: 5, write: () => undefined }, () => 0);
  for (const event of events.slice(0, 9)) small.take(event);
  assert.ok(small.lines().length <= 3);
  small.close();
});

test('flags become the classic query', () => {
  const query = buildQuery(
    {
      tag: ['a', 'b'],
      buildArg: ['X=1', 'HOME', 'NONE'],
      ulimit: ['nofile=1:2'],
      memory: '64m',
      cache: false,
      cacheFrom: ['type=registry,ref=r:1', 's:1'],
      addHost: ['h:1.2.3.4'],
    },
    { HOME: '/h', SOURCE_DATE_EPOCH: '7' },
  );
  assert.deepEqual(Object.fromEntries(query), {
    t: 'b',
    buildargs: '{"SOURCE_DATE_EPOCH":"7","X":"1","HOME":"/h","NONE":null}',
    labels: '{}',
    cachefrom: '["r:1","s:1"]',
    nocache: '1',
    extrahosts: 'h:1.2.3.4',
    ulimits: '[{"Name":"nofile","Soft":1,"Hard":2}]',
    memory: '67108864',
  });
  assert.deepEqual(query.getAll('t'), ['a', 'b']);
  assert.throws(() => buildQuery({ squash: true }, {}), { kind: 'notImplemented', message: /--squash is not supported/ });
  assert.throws(() => buildQuery({ memory: 'much' }, {}), { message: /invalid size for --memory: "much"/ });
});

test('why and explain as tables that line up', () => {
  const text = whyText({
    build: { id: 'b1', startedAt: '2026-01-01T00:00:00Z', milliseconds: 1500, names: ['docker.io/library/app:1'] },
    comparedWith: 'b0',
    steps: [
      { number: 1, line: 1, text: 'FROM x', outcome: 'hit', milliseconds: 0, causes: [] },
      {
        number: 2,
        stageName: 's',
        line: 2,
        text: 'COPY . .',
        outcome: 'miss',
        milliseconds: 20,
        causes: [
          { input: 'file', change: 'a: content' },
          { input: 'file', change: 'b: gone' },
        ],
      },
    ],
  });
  assert.deepEqual(text.split('\n'), [
    'build b1, app:1, 2026-01-01T00:00:00Z, 1.5s; compared with build b0',
    'STEP   STAGE   LINE   INSTRUCTION   CACHE   TIME   WHY',
    '1              1      FROM x        hit            ',
    '2      s       2      COPY . .      miss    0.0s   file a: content',
    '                                                   file b: gone',
    '',
  ]);
  const explained = explanationText({
    image: `sha256:${'1'.repeat(64)}`,
    path: '/a',
    layers: [
      {
        layer: 2,
        state: 'seen',
        what: 'file',
        mode: '0644',
        owner: '0:0',
        bytes: 3,
        place: { dockerfile: 'Dockerfile', line: 4, text: 'COPY a /a' },
      },
      { layer: 1, state: 'shadowed', what: 'symlink', mode: '0777', owner: '0:0', step: '/bin/sh -c #(nop) ADD x' },
    ],
  });
  assert.deepEqual(explained.split('\n'), [
    '/a comes from layer 2 of 111111111111',
    'LAYER   STATE      WHAT      MODE   OWNER   BYTES   LINE           STEP',
    '2       seen       file      0644   0:0     3       Dockerfile:4   COPY a /a',
    '1       shadowed   symlink   0777   0:0     -       -              ADD x',
    '',
  ]);
});

/** What is cached, why a step was built again, what pruning takes, and that the same inputs make the same image. */
import assert from 'node:assert/strict';
import { createReadStream, readFileSync, utimesSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { after as afterAll, before, test } from 'node:test';
import { BuildLab, type Files } from '../../../test/support/build-lab.ts';
import { packTar } from '../archive/run-job.ts';
import type { BuildRequest } from './builder.ts';

let lab: BuildLab;
before(async () => {
  lab = await BuildLab.open('cache');
});
afterAll(async () => {
  assert.deepEqual(lab.leftovers(), []);
  await lab[Symbol.asyncDispose]();
});

const ran = (output: string): number => output.split('Running in').length - 1;

/** Builds the first, then the second; why its steps were built again, `text: input change`. */
async function why(
  first: [Files, Partial<BuildRequest>?],
  second: [Files, Partial<BuildRequest>?],
  name: string,
): Promise<readonly string[]> {
  await lab.build(first[0], { names: [name], ...first[1] });
  await lab.build(second[0], { names: [name], ...second[1] });
  const { steps } = await lab.lab.engine.builder.why(name);
  return steps.flatMap(({ text, causes }) => causes.map(({ input, change }) => `${text}: ${input} ${change}`));
}

test('why: planted changes are named, each with its input and no other', async () => {
  const dockerfile = `FROM busybox
ARG VERSION=1
ENV MODE=a
COPY src /src
RUN --mount=target=/ctx,source=mounted cat /ctx/m > /m
RUN echo "$VERSION" > /version
`;
  const files = { Dockerfile: dockerfile, 'src/main': 'x', 'src/run.sh': { content: 'y', mode: 0o644 }, 'mounted/m': '1' };
  const parent = (step: number): string => `parent step ${step} before it changed`;
  const after = (step: number): readonly string[] => [
    `RUN --mount=target=/ctx,source=mounted cat /ctx/m > /m: ${parent(step)}`,
    `RUN echo "$VERSION" > /version: ${parent(step)}`,
  ];
  assert.deepEqual(await why([files], [{ ...files, 'src/main': 'changed' }], 'w:file'), [
    'COPY src /src: file src/main: content',
    ...after(4),
  ]);
  assert.deepEqual(await why([files], [{ ...files, 'src/run.sh': { content: 'y', mode: 0o755 } }], 'w:mode'), [
    'COPY src /src: file src/run.sh: mode 644 → 755',
    ...after(4),
  ]);
  assert.deepEqual(await why([files], [{ ...files, 'src/new': '' }], 'w:new'), ['COPY src /src: file src/new: new file', ...after(4)]);
  assert.deepEqual(await why([files], [files, { buildArgs: { VERSION: '2' } }], 'w:arg'), [
    `RUN --mount=target=/ctx,source=mounted cat /ctx/m > /m: argument VERSION: "1" → "2"`,
    `RUN echo "$VERSION" > /version: argument VERSION: "1" → "2"`,
  ]);
  assert.deepEqual(await why([files], [{ ...files, Dockerfile: dockerfile.replace('MODE=a', 'MODE=b') }], 'w:env'), [
    'ENV MODE=b: environment MODE: "a" → "b"',
    `COPY src /src: ${parent(3)}`,
    ...after(3),
  ]);
  assert.deepEqual(await why([files], [{ ...files, 'mounted/m': '2' }], 'w:mount'), [
    'RUN --mount=target=/ctx,source=mounted cat /ctx/m > /m: mount /ctx: mounted/m: content',
    `RUN echo "$VERSION" > /version: ${parent(5)}`,
  ]);
  assert.deepEqual(await why([files], [{ ...files, Dockerfile: dockerfile.replace('echo "$V', 'echo  "$V') }], 'w:text'), [
    'RUN echo  "$VERSION" > /version: instruction RUN echo "$VERSION" > /version → RUN echo  "$VERSION" > /version',
  ]);
  const inserted = await why([files], [{ ...files, Dockerfile: dockerfile.replace('COPY', 'RUN true\nCOPY') }], 'w:insert');
  assert.deepEqual(inserted, ['RUN true: instruction new instruction', `COPY src /src: ${parent(4)}`, ...after(4)]);
  assert.deepEqual(await why([files], [files], 'w:same'), []);
  assert.deepEqual((await why([files], [files, { noCache: true }], 'w:no'))[0], 'ARG VERSION=1: cache the build ran with --no-cache');
});

test('why: another base image', async () => {
  const files = { Dockerfile: 'FROM basis:1\nRUN true\n' };
  const base = async (text: string): Promise<void> =>
    void (await lab.build({ Dockerfile: `FROM busybox\nLABEL v=${text}\n` }, { names: ['basis:1'] }));
  await base('1');
  await lab.build(files, { names: ['w:base'] });
  await base('2');
  const causes = await why([files], [files], 'w:base');
  assert.deepEqual(causes, [], 'the third is like the second');
  await base('3');
  await lab.build(files, { names: ['w:base'] });
  const { steps, comparedWith } = await lab.lab.engine.builder.why('w:base');
  assert.ok(comparedWith);
  assert.match(steps[1]?.causes[0]?.change ?? '', /^step 1 before it changed$/);
  assert.match(steps[0]?.causes[0]?.change ?? '', /^basis:1: [0-9a-f]{12} → [0-9a-f]{12}$/);
});

test('the cache is keyed by content, not by times, and outlives davit', async () => {
  const folder = lab.folder({ Dockerfile: 'FROM busybox\nCOPY . /c\nRUN : cached\n', a: 'a' });
  const request = (): Partial<BuildRequest> => ({ context: packTar(folder, { whiteouts: 'plain' }) });
  const first = await lab.build({}, request());
  utimesSync(`${folder}/a`, 1, 1);
  await lab.lab.reopen();
  const second = await lab.build({}, request());
  assert.deepEqual([second.id, ran(second.output)], [first.id, 0]);
  const third = await lab.build({}, { ...request(), noCache: true });
  assert.equal(ran(third.output), 1);
});

test('stages are built side by side, in order for the reader; unused ones are not', async () => {
  const stage = (name: string, other: string): string =>
    `FROM busybox AS ${name}\nRUN --mount=type=cache,id=meet,target=/m touch /m/${name}; for i in $(seq 100); do test -e /m/${other} && exit 0; sleep 0.1; done; exit 1\n`;
  const text = `${stage('a', 'b')}${stage('b', 'a')}FROM busybox AS unused\nRUN exit 9\nFROM busybox\nCOPY --from=a /bin/sh /a\nCOPY --from=b /bin/sh /b\n`;
  const { output, events } = await lab.build({ Dockerfile: text });
  const numbers = [...output.matchAll(/^Step (\d+)\/7/gm)].map(([, number]) => Number(number));
  assert.deepEqual(numbers, [1, 2, 3, 4, 5, 6, 7]);
  assert.equal(output.includes('exit 9'), false);
  const begun = events.flatMap((event) => (event.do === 'begin' || event.do === 'end' ? [`${event.do} ${event.step}`] : []));
  assert.ok(begun.indexOf('begin 4') < begun.indexOf('end 2'), 'both had begun before one ended');
});

test('one stage fails: the others stop, its error is told', async () => {
  const text =
    'FROM busybox AS a\nRUN sleep 30\nFROM busybox AS b\nRUN echo first; echo last words; exit 4\nFROM busybox\nCOPY --from=a /x /\nCOPY --from=b /x /\n';
  const began = performance.now();
  const error: unknown = await lab.build({ Dockerfile: text }).catch((each: unknown) => each);
  assert.ok(performance.now() - began < 20_000);
  assert.match(String(error), /The command '\/bin\/sh -c echo first; echo last words; exit 4' returned a non-zero code: 4/);
  const { details } = error as { details: { output: readonly string[]; line: number; exitCode: number } };
  assert.deepEqual([details.output, details.line, details.exitCode], [['first', 'last words'], 4, 4]);
});

test('the same inputs and SOURCE_DATE_EPOCH make the same image, on two hosts', async () => {
  const text = `FROM base:1
COPY a /dir/a
RUN mkdir -p /made/deep && echo x > /made/deep/f && ln -s f /made/deep/l && chown 5:6 /made
WORKDIR /new/place
ENV A=1
LABEL b=2
`;
  const buildArgs = { SOURCE_DATE_EPOCH: '1700000000' };
  await lab.build({ Dockerfile: 'FROM busybox\nCMD ["x"]' }, { names: ['base:1'] });
  const tar = `${lab.lab.folder}/base.tar`;
  await writeFile(tar, await lab.images.save(['base:1']));
  const first = await lab.build({ Dockerfile: text, a: 'a' }, { buildArgs });
  const again = await lab.build({ Dockerfile: text, a: 'a' }, { buildArgs, noCache: true });
  assert.equal(again.id, first.id, 'again on the same host');
  const { config } = await lab.images.get(first.id);
  assert.equal(config.created, '2023-11-14T22:13:20.000Z');
  // One host after the other: both have docker0.
  await using other = await BuildLab.open('twin');
  await Array.fromAsync(other.images.load(createReadStream(tar)));
  const elsewhere = await other.build({ Dockerfile: text, a: 'a' }, { buildArgs });
  assert.equal(elsewhere.id, first.id, 'on another host');
  await assert.rejects(lab.build({ Dockerfile: text, a: 'a' }, { buildArgs: { SOURCE_DATE_EPOCH: 'now' } }), {
    message: /invalid SOURCE_DATE_EPOCH: now/,
  });
});

test('proxies reach RUN without ARG, and neither the history nor the cache; with ARG they count', async () => {
  const seen = async (text: string, proxy: string): Promise<readonly [id: string, seen: string, told: string]> => {
    const { id } = await lab.build({ Dockerfile: text }, { buildArgs: { HTTP_PROXY: proxy, no_proxy: 'here' } });
    const told = (await lab.images.history(id))[0]?.created_by ?? '';
    return [id, await lab.inside(id, (root) => readFileSync(`${root}/p`, 'utf8')), told];
  };
  const plain = 'FROM busybox\nRUN echo "$HTTP_PROXY $no_proxy" > /p\n';
  const [id, text, told] = await seen(plain, 'http://one:1');
  assert.deepEqual([text, told.includes('one')], ['http://one:1 here\n', false]);
  assert.equal((await seen(plain, 'http://two:2'))[0], id);
  const declared = plain.replace('\n', '\nARG HTTP_PROXY\n');
  const [first, second] = [await seen(declared, 'http://one:1'), await seen(declared, 'http://two:2')];
  assert.notEqual(first[0], second[0]);
  assert.match(second[2], /^\|1 HTTP_PROXY=http:\/\/two:2 /);
});

test('--cache-from: an image from elsewhere has the results of its steps', async () => {
  const files = { Dockerfile: 'FROM busybox\nENV A=1\nCOPY a /a\nRUN echo made > /made\nCMD ["x"]\n', a: 'a' };
  await lab.build(files, { names: ['remote:1'] });
  await lab.lab.engine.builder.prune({ all: true });
  const without = await lab.build(files);
  assert.equal(ran(without.output), 1);
  await lab.lab.engine.builder.prune({ all: true });
  const cached = await lab.build(files, { cacheFrom: ['remote:1', 'not-there:1'] });
  assert.equal(ran(cached.output), 0);
  const [ours, theirs] = [await lab.images.get(cached.id), await lab.images.get('remote:1')];
  assert.deepEqual([ours.config.rootfs, ours.config.config], [theirs.config.rootfs, theirs.config.config]);
  const other = await lab.build({ ...files, a: 'b' }, { cacheFrom: ['remote:1'] });
  assert.equal(ran(other.output), 1);
});

test('pruning: what images share stays, filters, keep-storage, all', async () => {
  const { builder } = lab.lab.engine;
  await builder.prune({ all: true });
  const files = {
    Dockerfile:
      'FROM busybox\nRUN head -c 100000 /dev/zero > /z\nRUN --mount=type=cache,target=/cm head -c 5000 /dev/zero > /cm/x; head -c 200 /dev/zero > /y\n',
  };
  await lab.build(files, { names: ['kept:1'] });
  await lab.build({ Dockerfile: files.Dockerfile.replace('200', '300') }, { names: ['moved:1'] });
  await lab.build({ Dockerfile: files.Dockerfile.replace('200', '400') }, { names: ['moved:1'] });
  const usage = await builder.usage();
  const shown = usage.map(({ type, bytes, shared }) => `${type} ${bytes}${shared ? ' shared' : ''}`).sort();
  assert.deepEqual(shown, [
    'exec.cachemount 5000',
    'regular 100000 shared',
    'regular 200 shared',
    'regular 300 shared',
    'regular 400 shared',
  ]);
  assert.deepEqual((await builder.prune({ all: false, filters: { until: ['1h'] } })).ids, []);
  await assert.rejects(builder.prune({ all: false, filters: { colour: ['red'] } }), { message: /invalid filter 'colour'/ });
  const mounts = await builder.prune({ all: false, filters: { type: ['exec.cachemount'] } });
  assert.deepEqual([mounts.ids.length, mounts.bytes], [1, 5000]);
  await lab.images.remove('moved:1', { force: false, noPrune: true });
  assert.equal(ran((await lab.build(files)).output), 0, 'what a kept image is made of is still cached');
  const kept = await builder.prune({ all: true, keepBytes: 100_250 });
  assert.ok(kept.ids.length >= 1 && kept.ids.length < 4, String(kept.ids.length));
  const all = await builder.prune({ all: true });
  assert.ok(all.ids.length > 0);
  assert.deepEqual(await builder.usage(), []);
  assert.equal(ran((await lab.build(files)).output), 2);
  assert.ok(await lab.images.get('kept:1'));
});

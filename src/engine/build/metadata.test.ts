import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunConfig } from '../../api/oci/image.ts';
import { applyChanges } from './changes.ts';
import { parseDuration } from './duration.ts';
import { resolveOwner } from './owner.ts';

test('each metadata instruction', () => {
  const cases: readonly (readonly [readonly string[], RunConfig, RunConfig])[] = [
    [['ENV a=1 b="x y"', 'ENV c the rest', 'ENV d=$a'], { Env: ['a=0', 'z=9'] }, { Env: ['a=1', 'z=9', 'b=x y', 'c=the rest', 'd=1'] }],
    [['LABEL a=b "c d"=e'], { Labels: { x: 'y' } }, { Labels: { x: 'y', a: 'b', 'c d': 'e' } }],
    [['CMD a b'], {}, { Cmd: ['/bin/sh', '-c', 'a b'] }],
    [['CMD []'], { Cmd: ['x'] }, { Cmd: [] }],
    [['ENTRYPOINT ["x"]'], { Cmd: ['inherited'] }, { Entrypoint: ['x'], Cmd: undefined }],
    [['CMD ["mine"]', 'ENTRYPOINT ["x"]'], { Cmd: ['inherited'] }, { Entrypoint: ['x'], Cmd: ['mine'] }],
    [['EXPOSE 80 53/udp 90-91'], {}, { ExposedPorts: { '80/tcp': {}, '53/udp': {}, '90/tcp': {}, '91/tcp': {} } }],
    [['VOLUME /a /b'], {}, { Volumes: { '/a': {}, '/b': {} } }],
    [['VOLUME ["/a b"]'], {}, { Volumes: { '/a b': {} } }],
    [['USER 1:2', 'WORKDIR /x', 'STOPSIGNAL SIGINT'], {}, { User: '1:2', WorkingDir: '/x', StopSignal: 'SIGINT' }],
    [['HEALTHCHECK NONE'], {}, { Healthcheck: { Test: ['NONE'] } }],
    [['ONBUILD RUN x'], {}, { OnBuild: ['RUN x'] }],
  ];
  for (const [changes, before, wanted] of cases) assert.deepEqual(applyChanges(before, changes), wanted, changes.join('; '));
  assert.deepEqual(JSON.parse(JSON.stringify(applyChanges({}, ['HEALTHCHECK --interval=1m30s --retries=2 CMD ["a"]']))), {
    Healthcheck: { Test: ['CMD', 'a'], Interval: 90e9, Retries: 2 },
  });
});

test("bad values are refused with dockerd's words", () => {
  const cases: readonly (readonly [string, string | RegExp])[] = [
    ['ENV a', 'ENV must have two arguments'],
    ['ENV a=1 b', `Syntax error - can't find = in "b". Must be of the form: name=value`],
    ['EXPOSE x', 'invalid containerPort: x'],
    ['ONBUILD ONBUILD RUN x', "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"],
    ['ONBUILD FROM x', "FROM isn't allowed as an ONBUILD trigger"],
    ['HEALTHCHECK FOO x', 'Unknown type "FOO" in HEALTHCHECK (try CMD)'],
    ['HEALTHCHECK --interval=x CMD y', /invalid duration "x"/],
    ['RUN x', 'run is not a valid change command'],
  ];
  for (const [change, message] of cases) assert.throws(() => applyChanges({}, [change]), { kind: 'invalid', message }, change);
});

test('durations', () => {
  assert.deepEqual(['0', '30s', '1h2m', '1.5s', '100ms'].map(parseDuration), [0, 30e9, 3720e9, 1.5e9, 1e8]);
});

test("owners by the image's own files", () => {
  const files = { passwd: 'root:x:0:0::/:/bin/sh\napp:x:1000:7::/:/bin/sh\n', group: 'root:x:0:\napp:x:1001:\n' };
  assert.deepEqual(
    ['app', 'app:0', '5', '5:app', 'root:root'].map((text) => resolveOwner(text, files)),
    [
      { uid: 1000, gid: 1001 },
      { uid: 1000, gid: 0 },
      { uid: 5, gid: 5 },
      { uid: 5, gid: 1001 },
      { uid: 0, gid: 0 },
    ],
  );
  for (const bad of ['who', 'app:who', ':', 'a:b:c', '']) assert.throws(() => resolveOwner(bad, files), { kind: 'invalid' }, bad);
});

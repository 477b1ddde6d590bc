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
    [['HEALTHCHECK NONE'], { Healthcheck: { Test: ['CMD', 'x'] } }, { Healthcheck: { Test: ['NONE'] } }],
    [['ONBUILD RUN x'], {}, { OnBuild: ['RUN x'] }],
    [['USER a b', 'STOPSIGNAL rtmin+2'], {}, { User: 'a b', StopSignal: 'rtmin+2' }],
    [
      ['ENV A=$B B=2 C=$B', 'ENV D  a  b ', "ENV E='$B' F=\\$B G="],
      { Env: ['B=1'] },
      { Env: ['B=2', 'A=1', 'C=1', 'D=a  b', 'E=$B', 'F=$B', 'G='] },
    ],
    [['VOLUME $A "/b" /c\\'], { Env: ['A=/x y'] }, { Env: ['A=/x y'], Volumes: { '/x y': {}, '/b': {}, '/c': {} } }],
    [
      ['EXPOSE 80/TCP 80 $P'],
      { Env: ['P=1-2/udp 3'] },
      { Env: ['P=1-2/udp 3'], ExposedPorts: { '80/tcp': {}, '1/udp': {}, '2/udp': {}, '3/tcp': {} } },
    ],
  ];
  for (const [changes, before, wanted] of cases) assert.deepEqual(applyChanges(before, changes), wanted, changes.join('; '));
  assert.deepEqual(JSON.parse(JSON.stringify(applyChanges({}, ['HEALTHCHECK --interval=1m30s --retries=2 CMD ["a"]']))), {
    Healthcheck: { Test: ['CMD', 'a'], Interval: 90e9, Retries: 2 },
  });
  const all = 'HEALTHCHECK --interval=1s --timeout=2s --start-period=3m --start-interval=500ms --retries=0 CMD a || exit $X';
  assert.deepEqual(JSON.parse(JSON.stringify(applyChanges({}, [all]))), {
    Healthcheck: { Test: ['CMD-SHELL', 'a || exit $X'], Interval: 1e9, Timeout: 2e9, StartPeriod: 180e9, StartInterval: 5e8 },
  });
});

test("bad values are refused with dockerd's words", () => {
  const cases: readonly (readonly [string, string | RegExp])[] = [
    ['ENV a', 'ENV must have two arguments'],
    ['ENV a=1 b', `Syntax error - can't find = in "b". Must be of the form: name=value`],
    ['EXPOSE x', 'invalid containerPort: x'],
    ['ONBUILD ONBUILD RUN x', "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"],
    ['ONBUILD FROM x', "FROM isn't allowed as an ONBUILD trigger"],
    ['HEALTHCHECK foo x', 'Unknown type "FOO" in HEALTHCHECK (try CMD)'],
    ['HEALTHCHECK CMD', 'Missing command after HEALTHCHECK CMD'],
    ['HEALTHCHECK CMD []', 'Missing command after HEALTHCHECK CMD'],
    ['HEALTHCHECK NONE x', 'HEALTHCHECK NONE takes no arguments'],
    ['HEALTHCHECK --interval=10us CMD x', 'Interval "interval" cannot be less than 1ms'],
    ['HEALTHCHECK --retries=-1 CMD x', '--retries cannot be negative (-1)'],
    ['HEALTHCHECK --timeout=$T CMD x', /invalid duration "\$T"/],
    ['HEALTHCHECK --after=1s CMD x', /unknown flag: --after/],
    ['STOPSIGNAL SIGNOPE', 'invalid signal: SIGNOPE'],
    ['STOPSIGNAL 0', 'invalid signal: 0'],
    ['VOLUME [""]', 'VOLUME specified can not be an empty string'],
    ['ONBUILD onbuild RUN x', "Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed"],
    ['ONBUILD maintainer x', "MAINTAINER isn't allowed as an ONBUILD trigger"],
    ['ONBUILD RUN --nope x', /unknown flag: --nope/],
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
    ['app', 'app:app', 'app:0', '5', '5:app', 'root:root'].map((text) => resolveOwner(text, files)),
    [
      { uid: 1000, gid: 7 },
      { uid: 1000, gid: 1001 },
      { uid: 1000, gid: 0 },
      { uid: 5, gid: 5 },
      { uid: 5, gid: 1001 },
      { uid: 0, gid: 0 },
    ],
  );
  for (const bad of ['who', 'app:who', ':', 'a:b:c', '']) assert.throws(() => resolveOwner(bad, files), { kind: 'invalid' }, bad);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseChmod } from './chmod.ts';
import { foreignSyntax } from './directives.ts';
import { parseDockerfile } from './dockerfile.ts';
import { parseGitSource } from './git-source.ts';
import { parseMount } from './mount-spec.ts';
import { nearest } from './near.ts';
import { excerpt, placeOf } from './place.ts';
import { planStages } from './stages.ts';
import { expand, expandText } from './words.ts';

const asIs = (text: string): string => text;

test('modes, octal and symbolic', () => {
  const [file, directory] = [0o100644, 0o040755];
  const cases: readonly (readonly [string, number, number])[] = [
    ['640', file, 0o100640],
    ['4755', file, 0o104755],
    ['0', directory, 0o040000],
    ['u+x', file, 0o100744],
    ['+x', file, 0o100755],
    ['a=r', file, 0o100444],
    ['u=rwX,go=rX', file, 0o100644],
    ['u=rwX,go=rX', 0o100755, 0o100755],
    ['u=rwX,go=rX', directory, 0o040755],
    ['go-rwx', file, 0o100600],
    ['g=u', file, 0o100664],
    ['u+s,o+t', file, 0o105644],
    ['ug=rw,o=', file, 0o100660],
    ['a-x+r', 0o100711, 0o100644],
  ];
  for (const [text, before, wanted] of cases) assert.equal(parseChmod(text)(before).toString(8), wanted.toString(8), text);
  for (const bad of ['', '8', '77777', 'u', 'u+q', 'x=r', 'u=rw,']) assert.throws(() => parseChmod(bad), { kind: 'invalid' }, bad);
});

test('mounts: every type with its options', () => {
  const some = (text: string): object =>
    Object.fromEntries(Object.entries(parseMount(text, asIs)).filter(([, value]) => value !== undefined));
  const common = { owner: { uid: 0, gid: 0 }, required: false, sharing: 'shared', readOnly: false };
  assert.deepEqual(some('target=/x'), { ...common, type: 'bind', target: '/x', readOnly: true });
  assert.deepEqual(some('type=bind,from=a,src=b,dst=/c,rw'), { ...common, type: 'bind', from: 'a', source: 'b', target: '/c' });
  assert.deepEqual(some('type=cache,id=npm,target=/c,sharing=locked,mode=0700,uid=1,gid=2,ro'), {
    ...common,
    type: 'cache',
    id: 'npm',
    target: '/c',
    sharing: 'locked',
    mode: 0o700,
    owner: { uid: 1, gid: 2 },
    readOnly: true,
  });
  assert.deepEqual(some('type=tmpfs,target=/t,size=64m,ro'), { ...common, type: 'tmpfs', target: '/t', size: 64 << 20, readOnly: true });
  const kept = { ...common, readOnly: true };
  assert.deepEqual(some('type=secret,id=k,env=KEY,required=true'), { ...kept, type: 'secret', id: 'k', env: 'KEY', required: true });
  assert.deepEqual(some('type=secret,target=/root/.key'), { ...kept, type: 'secret', id: '.key', target: '/root/.key' });
  assert.deepEqual(some('type=ssh,required'), { ...kept, type: 'ssh', required: true });
  assert.deepEqual(some('type=secret,src=k,dst=/k,mode=0444,uid=1,gid=2,required=t'), {
    ...kept,
    type: 'secret',
    id: 'k',
    source: 'k',
    target: '/k',
    mode: 0o444,
    owner: { uid: 1, gid: 2 },
    required: true,
  });
  assert.deepEqual(some('type=ssh,id=a,target=/s,mode=600,uid=3,gid=4'), {
    ...kept,
    type: 'ssh',
    id: 'a',
    target: '/s',
    mode: 0o600,
    owner: { uid: 3, gid: 4 },
  });
  for (const [words, readOnly] of [
    ['', true],
    [',ro', true],
    [',rw', false],
    [',readwrite=true', false],
    [',rw=false', true],
    [',readonly=0', false],
    [',rw,ro', true],
  ] as const)
    assert.equal(parseMount(`type=bind,destination=/x${words}`, asIs).readOnly, readOnly, words);
  for (const [sharing, size] of [
    ['shared', '1k'],
    ['private', '2G'],
    ['LOCKED', '512'],
  ] as const) {
    assert.equal(parseMount(`type=CACHE,target=/c,sharing=${sharing}`, asIs).sharing, sharing.toLowerCase());
    assert.equal(parseMount(`type=tmpfs,target=/c,size=${size}`, asIs).size, { '1k': 1024, '2G': 2 ** 31, '512': 512 }[size]);
  }
  assert.equal(parseMount('type=cache,target=/c,"id=a,b"', asIs).id, 'a,b');
  assert.equal(parseMount('type=cache,target=$X', (text) => text.replace('$X', '/v')).target, '/v');
  const bad: readonly (readonly [string, RegExp])[] = [
    ['type=cashe,target=/x', /unsupported mount type "cashe" \(did you mean cache\?\)/],
    ['type=cache', /needs a target/],
    ['type=cache,target=/x,sharing=all', /unsupported sharing value "all": want shared, private or locked/],
    ['type=tmpfs,target=/x,mode=9', /unexpected key 'mode' for mount type 'tmpfs'/],
    ['type=cache,target=/x,mode=9', /invalid value for mode: 9/],
    ['type=cache,targt=/x', /unexpected key 'targt' for mount type 'cache' \(did you mean target\?\)/],
    ['type=tmpfs,target=/x,size=lots', /invalid value for size: lots/],
    ['type=cache,target=', /invalid field 'target': it needs a value/],
    ['type=secret', /needs an id or a target/],
    ['type=secret,id=k,from=x', /secret mount should not have a from/],
    ['type=secret,id=k,src=s', /both source and id can't be set/],
    ['type=secret,id=k,sharing=locked', /unexpected key 'sharing' for mount type 'secret'/],
    ['type=bind,target=/x,uid=1', /unexpected key 'uid' for mount type 'bind'/],
    ['type=cache,target=/x,required', /unexpected key 'required' for mount type 'cache'/],
    ['type=bind,target', /invalid field 'target' must be a key=value pair/],
    ['type=bind,target=/x,rw=maybe', /invalid value for rw: maybe/],
  ];
  for (const [text, message] of bad) assert.throws(() => parseMount(text, asIs), { kind: 'invalid', message }, text);
});

test('git repositories, references, directories; never an option', () => {
  const cases: readonly (readonly [string, object | undefined])[] = [
    ['https://h/a/b.git', { url: 'https://h/a/b.git', ref: undefined, directory: '' }],
    ['https://h/a/b.git#v1:sub/dir', { url: 'https://h/a/b.git', ref: 'v1', directory: 'sub/dir' }],
    ['https://h/b.git#:../../x', { url: 'https://h/b.git', ref: undefined, directory: 'x' }],
    ['git@h:a/b', { url: 'git@h:a/b', ref: undefined, directory: '' }],
    ['git://h/a#main', { url: 'git://h/a', ref: 'main', directory: '' }],
    ['ssh://u@h/a', { url: 'ssh://u@h/a', ref: undefined, directory: '' }],
    ['github.com/a/b', { url: 'https://github.com/a/b', ref: undefined, directory: '' }],
    ['https://h/a.tar.gz', undefined],
    ['a/b.git', undefined],
  ];
  for (const [text, wanted] of cases) assert.deepEqual(parseGitSource(text), wanted, text);
  assert.throws(() => parseGitSource('git://h/a#--upload-pack=x'), { kind: 'invalid', message: /invalid git reference/ });
});

test('what a mistyped word meant', () => {
  const known = ['RUN', 'COPY', 'FROM', 'WORKDIR', 'ENTRYPOINT', 'ENV'];
  const cases = [
    ['RUNN', 'RUN'],
    ['CPOY', 'COPY'],
    ['FORM', 'FROM'],
    ['WORKDRI', 'WORKDIR'],
    ['ENTRYPONIT', 'ENTRYPOINT'],
    ['XYZ', undefined],
    ['FROBNICATE', undefined],
  ] as const;
  for (const [word, wanted] of cases) assert.equal(nearest(word, known), wanted, word);
});

test('the line of an error, with tabs and continuation lines', () => {
  const lines = [
    { number: 2, text: 'COPY \\' },
    { number: 3, text: '\t--form=a b /c' },
  ];
  const place = placeOf(lines, '--form=a');
  assert.deepEqual(place, { line: 3, column: 2, width: 8 });
  assert.equal(
    excerpt('D', 'FROM x\nCOPY \\\n\t--form=a b /c\n', place),
    'D:3:2\n   2 | COPY \\\n   3 | \t--form=a b /c\n     | \t^~~~~~~~',
  );
  assert.deepEqual(placeOf(lines), { line: 2, column: 1, width: 4 });
});

test('flags: unknown ones, values, lists, the end of them', () => {
  const flags = (text: string): object => {
    const { flags: one, lists, rest } = parseDockerfile(`FROM x\n${text}`).instructions[1] ?? {};
    return { ...one, ...lists, rest };
  };
  assert.deepEqual(flags('RUN --mount=type=tmpfs,target=/a --mount=type=cache,target=/b --network=none x'), {
    network: 'none',
    mount: ['type=tmpfs,target=/a', 'type=cache,target=/b'],
    rest: 'x',
  });
  assert.deepEqual(flags('COPY --exclude=*.a --exclude="b c" --parents --link=false a b /c/'), {
    exclude: ['*.a', 'b c'],
    parents: 'true',
    link: 'false',
    rest: 'a b /c/',
  });
  assert.deepEqual(flags('COPY -- --odd /x'), { rest: '--odd /x' });
  assert.deepEqual(flags('ENV -- --x=1'), { rest: '--x=1' });
  const bad: readonly (readonly [string, RegExp])[] = [
    ['COPY --form=a b /c', /^dockerfile parse error on line 2: unknown flag: --form \(did you mean --from\?\)$/],
    ['RUN --chown=1 x', /unknown flag: --chown$/],
    ['COPY --from a b', /Missing a value on flag: from/],
    ['COPY --link=maybe a b', /expecting boolean value for flag link, not: maybe/],
  ];
  for (const [text, message] of bad) assert.throws(() => flags(text), { kind: 'invalid', message }, text);
});

test('parser directives', () => {
  const escapeOf = (text: string): string => parseDockerfile(text).escape;
  assert.equal(escapeOf('# syntax=docker/dockerfile:1\n# escape=`\nFROM x'), '`');
  assert.equal(escapeOf('#check=skip=all\n#ESCAPE = `\nFROM x'), '`');
  assert.equal(escapeOf('# a comment\n# escape=`\nFROM x'), '\\', 'a comment ends them');
  assert.equal(escapeOf('# unknown=1\n# escape=`\nFROM x'), '\\', 'an unknown one is a comment');
  assert.throws(() => escapeOf('# escape=x\nFROM x'), { message: /invalid escape token 'x'/ });
  assert.throws(() => escapeOf('# escape=`\n# escape=`\nFROM x'), { message: /line 2: only one escape parser directive/ });
});

test('a front end of another language is told of, the Dockerfile one and its mirrors are not', () => {
  const told = (syntax: string): string | undefined => foreignSyntax(parseDockerfile(`# syntax=${syntax}\nFROM x`).syntax);
  for (const own of ['docker/dockerfile:1', 'docker.io/docker/dockerfile:1.7-labs', 'mirror.lan:5000/docker/dockerfile@sha256:00'])
    assert.equal(told(own), undefined, own);
  assert.equal(told('docker/dockerfile-upstream:master'), undefined);
  assert.match(told('tonistiigi/copy:v1') ?? '', /^\[Warning\] the front end "tonistiigi\/copy:v1"/);
  assert.equal(foreignSyntax(undefined), undefined);
});

test('here-documents: quoted delimiters, tabs, two in one line, in ONBUILD', () => {
  const heredocs = (text: string): object => parseDockerfile(`FROM x\n${text}`).instructions[1]?.heredocs ?? [];
  assert.deepEqual(heredocs('RUN <<"E"\n$a\nE'), [{ name: 'E', content: '$a\n', expands: false }]);
  assert.deepEqual(heredocs("COPY <<-'a.txt' <<b /d/\n\tx\n\ta.txt\ny\nb"), [
    { name: 'a.txt', content: 'x\n', expands: false },
    { name: 'b', content: 'y\n', expands: true },
  ]);
  assert.deepEqual(heredocs('RUN cat 3<<E\nx\nE'), [{ name: 'E', content: 'x\n', expands: true }]);
  assert.deepEqual(heredocs('RUN echo a<<E'), [], 'inside a word it is the shell’s');
  assert.deepEqual(heredocs('COPY <<../x /d'), [], 'a name is never a path');
  assert.deepEqual(heredocs('ONBUILD RUN <<E\nx\nE'), [{ name: 'E', content: 'x\n', expands: true }]);
});

test('variables in here-documents; patterns with escapes', () => {
  const variables = (name: string): string | undefined => ({ a: 'A', s: 'x*y*z', p: '/a/b' })[name];
  assert.equal(expandText('"$a" \'$a\' \\$a ${none:-d}', variables), '"A" \'A\' $a d');
  const cases: readonly (readonly [string, string])[] = [
    ['${s#x\\*}', 'y*z'],
    ['${s%%\\**}', 'x'],
    ['${s//\\*/+}', 'x+y+z'],
    ['${s/y/$a}', 'x*A*z'],
    ['${s//?y?/}', 'xz'],
    ['${p##*/}', 'b'],
    ['${p//\\//.}', '.a.b'],
    ['${none+x}${none-y}', 'y'],
    ['${a+x}${a-y}', 'xA'],
    ['${none:-${a:+n}}', 'n'],
  ];
  for (const [text, wanted] of cases) assert.equal(expand(text, variables), wanted, text);
});

test('stages that mounts and triggers use are needed; a named context stands before a stage', () => {
  const plan = (text: string, contexts: readonly string[] = []): readonly number[] =>
    [...planStages(parseDockerfile(text), {}, undefined, () => undefined, new Set(contexts)).needed].sort();
  assert.deepEqual(plan('FROM x AS a\nFROM x AS b\nFROM x\nRUN --mount=from=b,target=/m true'), [1, 2]);
  assert.deepEqual(plan('FROM x AS a\nFROM a\nCOPY --from=a . .', ['a']), [1]);
  assert.deepEqual(plan('FROM x AS a\nFROM x AS b\nONBUILD COPY --from=a /x /\nFROM b'), [0, 1, 2]);
  for (const text of ['COPY --from=$A / /', 'RUN --mount=type=bind,target=/x,from=${A} true'])
    assert.throws(() => plan(`FROM x AS a\nFROM x\nARG A=a\n${text}`), { message: /line 4: 'from' doesn't support variable expansion/ });
});

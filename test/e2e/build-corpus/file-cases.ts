import type { Case } from './case.ts';

const tree = { 'd/one': '1', 'd/two': '2', 'd/sub/three': '3', 'd/sub/run': { text: '#!', mode: 0o755 }, 'd/.hidden': 'h' };

/** COPY, ADD and what .dockerignore leaves of the context. */
export const fileCases: readonly Case[] = [
  {
    name: 'COPY: files and directories under every form of destination',
    files: { ...tree, f: 'f', 'e/deep/er/x': 'x' },
    dockerfile: `FROM busybox:test
COPY f /a
COPY f /b/
COPY f /c/d/e
COPY f .
WORKDIR /w/x
COPY f .
COPY f ./y
COPY f ../z/
COPY d /dir
COPY d/ /dir2
COPY d /dir3/
COPY d/ .
COPY d d
COPY f d /multi/
COPY e/deep /deep
COPY . /everything/
COPY ["f", "/json/f x"]
COPY d/sub/. /dot
COPY ./d/../f /clean
`,
  },
  {
    name: 'COPY: wildcards, escapes, names that look like patterns',
    files: {
      'a.txt': 'a',
      'b.txt': 'b',
      'c.md': 'c',
      'x/a.txt': 'xa',
      'y/a.txt': 'ya',
      'n?pe/f': '?',
      'nope/f': 'o',
      '[abc]/f': '[',
      'sp ace': 's',
    },
    dockerfile: `FROM busybox:test
COPY *.txt /t/
COPY ?.md /m/
COPY [ab].txt /s/
COPY */a.txt /last/
COPY n\\?pe /escaped/
COPY ["[[]abc]/f", "/bracket"]
COPY ["sp ace", "/with space/"]
COPY x* y* /dirs/
COPY c.m? /c
`,
  },
  {
    name: 'COPY: modes and owners; --chown by number and name',
    files: { f: { text: 'f', mode: 0o640 }, x: { text: 'x', mode: 0o755 }, 's/u': { text: 'u', mode: 0o600 } },
    prepare: 'chmod 4755 x && chmod 700 s && chown 12:34 f',
    dockerfile: `FROM busybox:test
RUN echo 'app:x:1234:5678::/:/bin/sh' >> /etc/passwd && echo 'grp:x:99:' >> /etc/group
COPY f x /plain/
COPY --chown=7 f /n/f
COPY --chown=7:8 f x /nn/
COPY --chown=nobody:grp s /ng
COPY --chown=app:0 s /mixed/
COPY --chown=0:grp f /new/dirs/are/made/f
RUN chown 5:6 /plain && chmod 711 /plain
COPY s /plain
USER nobody
COPY f /as-user
`,
  },
  {
    name: 'COPY: links in the context and in the image',

    files: {
      f: 'f',
      'd/x': 'x',
      l: { link: 'f' },
      ld: { link: 'd' },
      dangling: { link: 'nowhere' },
      'd/up': { link: '../f' },
      'd/abs': { link: '/etc/passwd' },
    },
    dockerfile: `FROM busybox:test
RUN mkdir -p /real/sub && ln -s /real /link && ln -s sub /real/rel && ln -s /nowhere/yet /hang && ln -s f /tof
COPY d /tree
COPY l /follow
COPY ld /followdir
COPY f /link/f
COPY d /link/rel/
COPY f /real/rel
COPY d /hang/
COPY f /tof
`,
  },
  {
    name: 'COPY: what stands in the way',

    files: { f: 'new', 'd/x': 'x', 'd/k/y': 'y' },
    dockerfile: `FROM busybox:test
RUN echo old > /file && chmod 600 /file && mkdir -p /dir/k && echo keep > /dir/keep && ln -s /file /symlink && mkfifo /pipe
COPY f /file
COPY d /dir
COPY f /symlink
COPY f /pipe
COPY f /dir
`,
  },
  {
    name: 'COPY: a file over a directory of the same name',

    files: { 'd/x': 'x' },
    dockerfile: 'FROM busybox:test\nRUN mkdir -p /t/x/y\nCOPY d /t\n',
    fails: true,
  },
  {
    name: 'COPY: a directory over a file',

    files: { 'd/x/y': 'y' },
    dockerfile: 'FROM busybox:test\nRUN mkdir /t && echo > /t/x\nCOPY d /t\n',
    fails: true,
  },
  {
    classic: true,
    name: 'COPY: several sources and no directory',
    files: { a: '', b: '' },
    dockerfile: 'FROM busybox:test\nCOPY a b /c\n',
    fails: true,
  },
  { classic: true, name: 'COPY: nothing matches', files: { a: '' }, dockerfile: 'FROM busybox:test\nCOPY *.x /c/\n', fails: true },
  { name: 'COPY: out of the context', files: { a: '' }, dockerfile: 'FROM busybox:test\nCOPY ../../../../etc/passwd /c\n', fails: true },
  {
    name: 'COPY --from: stages by name and number, images, files and directories',

    files: { f: 'f' },
    dockerfile: `FROM busybox:test AS First
RUN mkdir -p /out/deep && echo 1 > /out/deep/a && echo 2 > /out/b && chown -R 3:4 /out && chmod 750 /out && ln -s b /out/l && ln /out/b /out/hard
FROM busybox:test AS second
COPY --from=first /out /got
COPY --from=0 /out/ /got0/
FROM scratch AS third
COPY f /only
FROM busybox:test
COPY --from=second /got/deep /d
COPY --from=second /got/b /d/
COPY --from=second /got0 /x/y
COPY --from=first /out/l /link
COPY --from=first /out/deep/a /out/b /both/
COPY --from=third / /third
COPY --from=third /only .
COPY --from=busybox:test /etc/passwd /pw
COPY --from=first --chown=9:9 /out /owned
COPY --from=first /out/* /glob/
`,
  },
  {
    name: 'COPY --from: a stage that comes later',
    dockerfile: 'FROM busybox:test\nRUN true\nFROM busybox:test\nCOPY --from=2 /a /\n',
    fails: true,
  },
  {
    name: 'COPY --from: what is not there',
    dockerfile: 'FROM busybox:test AS a\nFROM busybox:test\nCOPY --from=a /nothing /\n',
    fails: true,
  },
  {
    classic: true,
    name: 'ADD: archives plain and compressed, into what there is and is not',
    files: { 'in/f': 'f', 'in/d/g': 'g', 'in/x': { text: '#!', mode: 0o755 }, 'in/l': { link: 'f' }, plain: 'not a tar', empty: '' },
    prepare:
      'chown 11:12 in/f && ln in/f in/hard && tar --owner=0 --group=0 -C in -cf a.tar . && tar -C in -czf b.tgz f d x l hard && tar -C in -cJf c.tar.xz d && tar -C in -cjf e.tar.bz2 d && cp b.tgz odd.name',
    dockerfile: `FROM busybox:test
RUN mkdir -p /there/d && echo old > /there/f && ln -s /there /way
ADD a.tar /a
ADD a.tar /a2/
ADD b.tgz /there
ADD b.tgz /way/through/
WORKDIR /wd
ADD b.tgz .
ADD c.tar.xz /xz/
ADD e.tar.bz2 /bz2/
ADD odd.name /odd/
ADD plain empty /kept/
ADD in /in
ADD --chown=5:6 plain /chowned
COPY b.tgz /copied/
ADD a.tar b.tgz plain /several/
`,
  },
  {
    name: '.dockerignore: patterns, exceptions, order',
    files: {
      '.dockerignore':
        '# comment\n*.log\n!keep.log\n/top\n**/deep\n!a/deep/saved\n  spaced  \ntmp*/*\n!tmp1/x\na/*.md\n\n!README.md\n./b/../c\n',
      'x.log': '',
      'keep.log': '',
      'a/x.log': '',
      top: '',
      'a/top': '',
      'a/deep/gone': '',
      'a/deep/saved': '',
      'b/a/deep/gone': '',
      spaced: '',
      'tmp1/x': '',
      'tmp1/y': '',
      tmp2: '',
      'a/r.md': '',
      'README.md': '',
      c: '',
      'b/c': '',
    },
    dockerfile: 'FROM busybox:test\nCOPY . /all/\n',
  },
  {
    name: '.dockerignore: everything but',
    files: {
      '.dockerignore': '**\n!src/**/*.ts\n!/only\n',
      'src/a.ts': '',
      'src/b.js': '',
      'src/x/y/c.ts': '',
      only: '',
      'd/only': '',
      Other: '',
    },
    dockerfile: 'FROM busybox:test\nCOPY . /all/\n',
  },
  {
    name: '.dockerignore: what COPY names',
    files: { '.dockerignore': 'secret\n', secret: '' },
    dockerfile: 'FROM busybox:test\nCOPY secret /\n',
    fails: true,
  },
  {
    capable: ['taken/ping', 'taken/pong'],
    name: 'capabilities of files: COPY, --chown, between stages, changed by RUN',
    files: { 'd/ping': 'ping' },
    prepare: 'setcap cap_net_raw+ep d/ping',
    dockerfile: `FROM busybox:test AS first
COPY d/ping /ping
COPY d /dir
COPY --chown=5:6 d/ping /owned
RUN mv /ping /pong && chmod 4755 /dir/ping
FROM busybox:test
COPY --from=first /pong /dir /taken/
`,
  },
  {
    capable: ['x/t/cap'],
    name: 'ADD: an archive with capabilities, links, modes, owners, a pipe and a device',
    prepare:
      'mkdir t && echo x > t/cap && ln t/cap t/hard && ln -s cap t/soft && mkfifo t/pipe && mknod t/null c 1 3 && chown 7:8 t/cap && chmod 2751 t && setcap cap_chown+p t/cap && tar --xattrs --xattrs-include="*" -cf a.tar t && rm -r t',
    dockerfile: 'FROM busybox:test\nADD a.tar /x/\n',
  },
];

import type { Case } from './case.ts';

/** A tree whose names an ignore file can pick apart: files and directories `-a`, `-b`, `-c` on three levels. */
const levels = (): Readonly<Record<string, string>> =>
  Object.fromEntries(
    ['', 'dir-a/', 'dir-b/', 'dir-c/', 'dir-b/dir-c/', 'dir-c/dir-a/', 'dir-c/dir-b/'].flatMap((folder) =>
      ['file-a', 'file-b', 'file-c', '.dot-a'].map((file) => [`${folder}${file}`, `${folder}${file}`] as const),
    ),
  );

/** One case for each ignore file: what of the tree is left, by COPY of the whole and of every name. */
const ignoring: readonly (readonly [string, string])[] = [
  ['nothing', ''],
  ['comments and blank lines alone', '# all\n\n   \n#file-a\n'],
  ['a byte order mark', '\uFEFFfile-a\ndir-c\n'],
  ['Windows line ends', 'file-a\r\ndir-c/*\r\n!dir-c/file-b\r\n'],
  ['plain names stand for the top alone', 'file-a\ndir-c\n'],
  ['trailing and leading slashes', 'dir-a/\n/dir-c\n/file-b\n'],
  ['dots', './file-a\ndir-a/../file-b\n././dir-b/./file-c\n'],
  ['** in front', '**/*-a\n'],
  ['** in the middle and at the end', 'dir-c/**/file-b\ndir-b/**\n'],
  ['an exception alone', '!**/*-c\n'],
  ['exceptions inside what is ignored', 'dir-*\n!dir-c/dir-b/file-a\n!dir-b/dir-c\n'],
  ['an exception that is ignored again', '*\n!dir-c\ndir-c/dir-a\n!dir-c/dir-a/file-c\n'],
  ['everything but', '**\n!dir-b/**/file-c\n!/file-a\n'],
  ['question marks and classes', 'file-?\ndir-[ab]\n**/[^fd]*\n'],
  ['an escaped star, a range', 'file-\\*\n**/file-[b-c]\n'],
  ['the Dockerfile and the ignore file themselves', 'Dockerfile\n.dockerignore\n'],
  ['white space around, inside names', '  file-a  \n! file-b\ndir-a \n'],
];

const ignoreCases: readonly Case[] = ignoring.map(([name, text]) => ({
  classic: true,
  name: `.dockerignore of ${name}`,
  files: { ...levels(), '.dockerignore': text },
  dockerfile: 'FROM busybox:test\nCOPY . /whole/\nCOPY * /names/\n',
}));

/** Of the reach of buildah's conformance tests. */
export const conformanceCases: readonly Case[] = [
  ...ignoreCases,
  {
    name: '.dockerignore with a bad class',
    files: { a: '', '.dockerignore': '[a\n' },
    dockerfile: 'FROM busybox:test\nCOPY . /\n',
    fails: true,
  },
  {
    name: '.dockerignore with a lone !',
    files: { a: '', '.dockerignore': '!\n' },
    dockerfile: 'FROM busybox:test\nCOPY . /\n',
    fails: true,
  },
  {
    name: 'COPY --from: a file to the root, over itself, renamed, into the working directory, beside it',
    dockerfile: `FROM busybox:test AS base
RUN mkdir -p /a/sub && echo 1 > /a/1 && echo 2 > /a/2 && echo 3 > /a/sub/3 && echo f > /f
FROM busybox:test
COPY --from=base /f /
COPY --from=base /f /f
WORKDIR /w
COPY --from=base /f .
COPY --from=base /f ./renamed
COPY --from=base f relative
COPY --from=base /a/ ./
COPY --from=base /a/. /dot
COPY --from=base /a/* /star/
COPY --from=base /a/sub/.. /up/
COPY --from=base ../../f /clamped
COPY --from=base /a/1 /a/2 /two/
`,
  },
  {
    name: 'COPY --from: the working directory of the other stage does not count',
    files: { x: 'x' },
    dockerfile: 'FROM busybox:test AS base\nCOPY . /sub/\nWORKDIR /sub\nFROM base\nCOPY --from=base sub .\n',
  },
  {
    name: 'stages: one from another, what the later removes is still in the former',
    dockerfile: `FROM busybox:test AS layer
RUN mkdir /r && touch /r/layer
FROM layer AS derived
RUN touch /r/derived; rm /r/layer
FROM busybox:test
COPY --from=layer /r /one
COPY --from=derived /r /two
`,
  },
  {
    name: 'RUN: a link in place of a directory, a directory in place of a link, a file in place of both',
    dockerfile: `FROM busybox:test
RUN mkdir -p /d/in /t && touch /d/in/f /t/target && ln -s /t /l && mkdir /gone && touch /gone/f
RUN rm -r /d && ln -s /t /d
RUN rm /l && mkdir /l && touch /l/new
RUN rm -r /gone && echo file > /gone
RUN rm /d && mkdir -p /d/in && touch /d/in/other
`,
  },
  {
    name: 'COPY: directories deep below nothing, with and without slash, from a link',
    files: { 'd/f': 'f', 'd/e/g': 'g', l: { link: 'd' } },
    dockerfile: `FROM busybox:test
RUN mkdir -p /real/x && ln -s /real /way && ln -s ../real/x /real/back
COPY d /deep/er/and/deeper
COPY d /deep/slash/
COPY d/e /way/made/
COPY d/f /way/x
COPY d/f /real/back/
COPY d/e/g /way/x/renamed
COPY l/e /through
`,
  },
  {
    name: 'COPY: empty directories, hidden names, an empty file',
    files: { '.hidden/f': 'f', empty: '', 'x/.keep': '' },
    prepare: 'mkdir -p none/inside && chmod 700 none',
    dockerfile: 'FROM busybox:test\nCOPY none /n1\nCOPY none/ /n2/\nCOPY .hidden empty /h/\nCOPY . /all\n',
  },
  {
    name: 'COPY: some of several are missing',
    files: { a: 'a' },
    dockerfile: 'FROM busybox:test\nCOPY a missing /s/\n',
    fails: true,
  },
  {
    name: 'COPY: a wildcard that matches nothing beside those that do',
    files: { a: 'a' },
    dockerfile: 'FROM busybox:test\nCOPY a b* /s/\n',
  },
  {
    name: 'COPY: sticky, setuid and setgid bits, owners that have no name',
    files: { f: 'f', 'd/x': 'x' },
    prepare: 'chmod 4711 f && chmod 3777 d && chmod 2640 d/x && chown 4242:4343 d/x',
    dockerfile:
      'FROM busybox:test AS a\nCOPY f d /one/\nCOPY d /d\nFROM busybox:test\nCOPY --from=a /one /two\nCOPY --from=a --chown=1:2 /d /d\n',
  },
  {
    classic: true,
    name: 'COPY --chown by names that are not there',
    files: { f: 'f' },
    dockerfile: 'FROM busybox:test\nCOPY --chown=noone:nogroup f /\n',
    fails: true,
  },
  {
    classic: true,
    name: 'ADD: archives over a file, a directory, a link, with parents of their own',
    files: { 'in/d/f': 'f' },
    prepare:
      'tar -C in -cf deep.tar d/f && tar -C in -cf dir.tar d && tar -C in -cf dot.tar ./d && gzip -k deep.tar && : > none.tar && tar -cf empty.tar -T /dev/null',
    dockerfile: `FROM busybox:test
RUN mkdir -p /x/d /y /t && ln -s /t /z && echo old > /x/d/f && chmod 700 /x/d
ADD deep.tar /x
ADD dir.tar /y/
ADD dot.tar /z
ADD deep.tar.gz /new/place
ADD empty.tar none.tar /nothing/
WORKDIR /w
ADD deep.tar ./
`,
  },
  {
    classic: true,
    name: 'ADD: an archive whose directory is a file here',
    files: { 'in/d/f': 'f' },
    prepare: 'tar -C in -cf a.tar d',
    dockerfile: 'FROM busybox:test\nRUN mkdir /x && echo file > /x/d\nADD a.tar /x\n',
  },
  {
    name: 'VOLUME: what is written after it',
    files: { f: 'f' },
    dockerfile: `FROM busybox:test
RUN mkdir /v && echo before > /v/before
VOLUME /v /made
COPY f /v/copied
RUN ls / > /seen
USER 5:6
VOLUME ["/as user"]
`,
  },
  {
    name: 'EXPOSE: default protocol, ranges, an address and a port of the host',
    dockerfile:
      'FROM busybox:test\nEXPOSE 80 81/tcp 82/UDP 100-102/udp\nEXPOSE 127.0.0.1:90:91 92:93/udp :94\nARG P=7000-7001\nEXPOSE $P\n',
  },
  { name: 'EXPOSE: no port', dockerfile: 'FROM busybox:test\nEXPOSE web\n', fails: true },
  {
    name: 'ARG: before FROM, in between, shadowed, by the environment, quoted, several in a line',
    flags: ['--build-arg', 'FROM_OUT=out', '--build-arg', 'BOTH=arg'],
    dockerfile: `ARG IMAGE=busybox
ARG TAG="test"
ARG WHOLE=\${IMAGE}:\${TAG}
FROM \${WHOLE} AS one
ARG TAG
ARG FROM_OUT
ARG BOTH
ENV BOTH=env
ARG Q="quoted $TAG" S='single $TAG' E=
RUN echo "$TAG|$FROM_OUT|$BOTH|$Q|$S|$E|$IMAGE|" > /one
FROM one
RUN echo "$TAG|$FROM_OUT|$BOTH|" > /two
ARG TAG=other
ARG LATE=$TAG-late
ARG MORE=$LATE-more
ENV KEPT=$LATE SHOWN=$MORE
RUN echo "$TAG" > /three
`,
  },
  {
    name: 'ENV and LABEL: quotes, backslashes, equals signs, empty values, many lines',
    dockerfile: `FROM busybox:test
ENV A="a b" B=c\\ d C='e "f" g' D="h 'i' j" E= F=a=b=c G="x\\"y" H="p\\\\q" \\
    I=last
ENV J one  two   "three"
ENV K="\\$A" L=\\\${A} M='$A' N="\${A}\${B}" O=$A$UNSET. P=\${UNSET:-\${A}} Q=\${A:+"set"}
LABEL a.b-c=1 "d e"="f \\
g" h='i j' \\
      k=$A
RUN env | grep -E '^[A-Q]=' | sort > /env
`,
  },
  {
    name: 'SHELL: for RUN, CMD and ENTRYPOINT that follow it alone',
    dockerfile: `FROM busybox:test
CMD before
SHELL ["/bin/sh", "-x", "-c"]
RUN echo "$-" > /flags
ENTRYPOINT after
SHELL ["/bin/ash", "-euc"]
RUN echo "$-" > /more
`,
  },
  {
    name: 'WORKDIR: made once with what is above it, through links, with variables and quotes',
    dockerfile: `FROM busybox:test
ENV D=/env/dir
RUN mkdir -p /real && chmod 750 /real && ln -s /real /link
WORKDIR \${D}/sub
RUN pwd > /p1
WORKDIR ../up
RUN pwd > /p2
WORKDIR /link
RUN pwd > /p3 && touch here
WORKDIR "/with space"
RUN pwd > /p4
`,
  },
  {
    name: 'USER: by number, name, name and group, unknown to the image but not run',
    dockerfile: `FROM busybox:test
RUN echo 'app:x:77:88::/home/app:/bin/sh' >> /etc/passwd && echo 'more:x:99:app' >> /etc/group && mkdir -m 777 /o
USER app
RUN echo $(id -u):$(id -g) > /o/1; echo $HOME > /o/h1
USER app:more
RUN echo $(id -u):$(id -g) > /o/2
USER 12
RUN echo $(id -u):$(id -g) > /o/3
USER 12:more
RUN echo $(id -u):$(id -g) > /o/4
USER nobody-here
`,
  },
  {
    name: 'FROM: upper and lower case of stages, a stage that has the name of an image',
    dockerfile: `FROM busybox:test AS Alpha
RUN echo a > /a
FROM alpha AS busybox
RUN echo b > /b
FROM busybox
COPY --from=ALPHA /a /from-alpha
`,
  },
  {
    name: 'FROM: a stage of the same name twice, the last counts',
    dockerfile:
      'FROM busybox:test AS s\nRUN echo 1 > /n\nFROM busybox:test AS s\nRUN echo 2 > /n\nFROM busybox:test\nCOPY --from=s /n /n\n',
  },
  { name: 'FROM: itself', dockerfile: 'FROM selfish AS selfish\nRUN true\n', fails: true },
  { name: 'HEALTHCHECK: two kinds, no command', dockerfile: 'FROM busybox:test\nHEALTHCHECK CMD\n', fails: true },
  {
    classic: true,
    name: 'comments and empty lines everywhere',
    dockerfile:
      '\n\n  # indented\nFROM busybox:test\n\t\n#RUN no\n  RUN echo "# not a comment" > /a && \\\n# a comment\n\n  # another\n  echo b # of the shell \\\n  > /b\n\n   ENV A=b#c\n\n',
  },
  {
    name: 'attributes of files from another stage',
    dockerfile: `FROM busybox:test AS a
RUN mkdir /d && echo x > /d/x && chmod 0604 /d/x && chown 9:8 /d/x && ln /d/x /d/hard && ln -s x /d/soft && chmod 1733 /d
FROM busybox:test
COPY --from=a /d /d
COPY --from=a /d/x /d/soft /e/
`,
  },
];

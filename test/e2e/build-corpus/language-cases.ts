import type { Case } from './case.ts';

/** Variables, metadata, RUN, stages, and words that no builder takes. */
export const languageCases: readonly Case[] = [
  {
    name: 'variables: ENV, ARG, where and how they are replaced',

    files: { 'va1/f': '1' },
    flags: ['--build-arg', 'A=given', '--build-arg', 'E=lost'],
    dockerfile: `ARG BASE=busybox
ARG TAG=test
FROM \${BASE}:$TAG
ARG A=default
ARG B=b-$A
ARG E=arg
ARG TAG
ENV E=env X=1 Y="two words" Z='$X' W=$X$Y
ENV OLD form with  spaces
ENV A2=\${A} B2=\${B:-none} N=\${NOPE:-def} P=\${X:+plus} Q=\${NOPE:+no} R=\\$X S="\\$X" T=a\\ b
ENV X=2 V=$X
LABEL one=$X "two words"=x three="$Y" four='$Y' five=\\
six
EXPOSE $X/tcp 80 \${X}0-\${X}2/udp
WORKDIR /$A/\${X}
USER $X:\${NOPE:-3}
VOLUME /v-$A /w
STOPSIGNAL $X
COPY va1/f /$A-f
RUN echo "$A $B $E $TAG \${NOPE-unset} $W" > /tmp/out
CMD echo $X
`,
  },
  {
    name: 'CMD and ENTRYPOINT: forms, and who takes away whose',

    dockerfile: `FROM busybox:test AS a
CMD ["x", "y z"]
ENTRYPOINT ["e"]
FROM a
CMD echo "hi" there
FROM a
ENTRYPOINT run this
SHELL ["/bin/sh", "-ec"]
RUN false || echo $0 > /x
CMD last
ENTRYPOINT []
HEALTHCHECK --interval=1m --timeout=3s --start-period=5s --retries=4 CMD wget -q x || exit 1
HEALTHCHECK --interval=2s CMD ["a", "b"]
`,
  },
  {
    name: 'CMD: kept when ENTRYPOINT of the same stage follows',
    dockerfile: 'FROM busybox:test\nCMD ["c"]\nENTRYPOINT ["e"]\nHEALTHCHECK NONE\n',
  },
  {
    classic: true,
    name: 'grammar: escape directive, continuations, comments, case, white space',
    files: { a: '' },
    dockerfile:
      `# escape=\`
# comment
from busybox:test
  run echo one ` +
      '`' +
      `
     # not in the command
     two > /out

RUN echo "tab	and \\ backslash" > /o2 && ` +
      '`' +
      `

    echo three >> /o2
Copy a ` +
      '`' +
      `
  /b
MAINTAINER someone <a@b.c>
label  a=b   ` +
      '`' +
      `
   c="d e"
`,
  },
  {
    name: 'RUN: shell, exec form, user, directory, environment, what it removes',
    dockerfile: `FROM busybox:test
RUN ["/bin/sh", "-c", "echo exec $0 > /exec"]
RUN mkdir -p /d/e && touch /d/a /d/e/b && chmod 1777 /d && mkfifo /d/p && ln /d/a /d/hard && ln -s nowhere /d/dead
RUN rm -r /d/e /bin/vi && rm /d/a && mkdir /d/e && touch /d/e/new
WORKDIR /home/x
USER 65534:7
RUN id -u > /tmp/id; id -g >> /tmp/id; pwd >> /tmp/id; echo "\${HOME:-none}" >> /tmp/id
USER root
RUN rm -rf /var && mkdir /var && echo fresh > /var/only
RUN umask 077 && mkdir /private && touch /private/f
`,
  },
  { classic: true, name: 'RUN: fails', dockerfile: 'FROM busybox:test\nRUN exit 3\n', fails: true },
  {
    name: 'WORKDIR: relative, absolute, with links and dots; made for USER',
    dockerfile: `FROM busybox:test
RUN mkdir /real && ln -s /real /l
WORKDIR a
WORKDIR b/../c
WORKDIR /l/sub
WORKDIR ./deeper/
USER nobody
WORKDIR /user-made/deep
USER 5:6
WORKDIR /user-made/five
WORKDIR .
`,
  },
  {
    name: 'ONBUILD: runs in the child once',
    files: { a: 'a' },
    dockerfile: `FROM busybox:test AS base
ONBUILD COPY a /triggered
ONBUILD RUN echo ran > /ran
ONBUILD ENV T=1
FROM base AS child
RUN cat /triggered
FROM child
RUN cat /ran > /copied
`,
  },
  {
    name: 'LABEL, EXPOSE, VOLUME, STOPSIGNAL, SHELL added to what is there',

    dockerfile: `FROM busybox:test AS a
LABEL x=1 y=2
EXPOSE 80
VOLUME ["/a b", "/c"]
ENV P=1
STOPSIGNAL SIGINT
FROM a
LABEL y=3 z="multi\\
line"
EXPOSE 53/udp 8000-8002
VOLUME /d
ENV P=$P:2 PATH=/opt/bin:$PATH
RUN echo $PATH > /p
SHELL ["/bin/ash", "-c"]
RUN echo $0 > /s
ONBUILD RUN true
ONBUILD COPY . /x
`,
  },
  {
    name: 'stages: the target is the last word',
    flags: ['--target', 'mid'],
    dockerfile: 'FROM busybox:test AS one\nRUN echo 1 > /1\nFROM one AS mid\nRUN echo 2 > /2\nFROM nowhere-to-be-found:1\n',
  },
  { name: 'FROM scratch with metadata alone', dockerfile: 'FROM scratch\nENV A=1\nLABEL b=c\nCMD ["x"]\n' },
  { classic: true, name: 'an unknown instruction', dockerfile: 'FROM busybox:test\nFOO bar\n', fails: true },
  { name: 'no FROM', dockerfile: 'RUN true\n', fails: true },
  { name: 'an unknown flag', files: { a: '' }, dockerfile: 'FROM busybox:test\nCOPY --nope=1 a /a\n', fails: true },
  { name: 'a missing variable', dockerfile: 'FROM busybox:test\nENV A=${B:?must be given}\n', fails: true },
  { name: 'a flag that the instruction does not have', dockerfile: 'FROM busybox:test\nENV --x=1\n', fails: true },
  { name: 'a flag of CMD', dockerfile: 'FROM busybox:test\nCMD --help\n', fails: true },
  { name: 'an array of numbers', dockerfile: 'FROM busybox:test\nRUN ["echo", 1]\n', fails: true },
  { name: 'HEALTHCHECK NONE with a command', dockerfile: 'FROM busybox:test\nHEALTHCHECK NONE true\n', fails: true },
  { name: 'HEALTHCHECK: an interval too short', dockerfile: 'FROM busybox:test\nHEALTHCHECK --interval=1us CMD x\n', fails: true },
  { name: 'STOPSIGNAL: no signal', dockerfile: 'FROM busybox:test\nSTOPSIGNAL SIGNOPE\n', fails: true },
  { name: 'COPY: quotes that white space parts', files: { 'a b': '' }, dockerfile: 'FROM busybox:test\nCOPY "a b" /\n', fails: true },
  { name: 'quotes left open', dockerfile: 'FROM busybox:test\nENV A="b\n', fails: true },
  {
    name: 'BuildKit: RUN --mount of bind, cache and tmpfs',

    files: { 'd/x': 'x', f: 'f' },
    dockerfile: `FROM busybox:test AS tools
RUN mkdir /t && echo t > /t/x
FROM busybox:test
RUN mkdir /m /t /w /c /tm && touch /m/f
RUN --mount=type=bind,source=f,target=/m/f cat /m/f > /o1
RUN --mount=type=bind,from=tools,source=/t,target=/t cat /t/x > /o2
RUN --mount=type=bind,target=/w,rw echo changed > /w/f && cat /w/f > /o3
RUN --mount=type=cache,target=/c,id=conf,mode=0700,uid=3 stat -c '%a %u' /c > /o4 && touch /c/x
RUN --mount=type=cache,target=/c,id=conf,mode=0700,uid=3 ls /c > /o5
RUN --mount=type=tmpfs,target=/tm touch /tm/x && grep -c ' /tm tmpfs' /proc/mounts > /o6
`,
  },
  {
    name: 'BuildKit: platform arguments, COPY --chmod by a stage, ARG before FROM',

    files: { f: 'f' },
    dockerfile: `ARG V=1
FROM --platform=$BUILDPLATFORM busybox:test
ARG TARGETPLATFORM
ARG TARGETARCH
ARG V
RUN echo "$TARGETPLATFORM $TARGETARCH $V \${TARGETOS:-undeclared}" > /o
`,
  },
  {
    name: 'here-documents',
    dockerfile: 'FROM busybox:test\nRUN <<E\ntrue\nE\n',
    skip: 'dockerd 20.10 knows none: see newer-cases',
  },
];

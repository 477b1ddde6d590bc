import type { Case } from './case.ts';

const tree = { 'src/a.ts': 'a', 'src/a.test.ts': 't', 'src/deep/b.ts': 'b', 'src/deep/b.md': 'm', 'docs/x.md': 'x', 'top.md': 'y' };

const heredocs: readonly Case[] = [
  {
    name: 'here-documents: RUN with one, with several, with other shells, as programs; variables are the shell’s',
    dockerfile: `FROM busybox:test
ENV V=env
RUN <<EOF
echo "one $V" > /one
	echo "tab \\$V" >> /one
EOF
RUN <<-EOF
	echo dashed > /two
	EOF
RUN <<'EOF' cat > /three
quoted $V \\x
EOF
RUN <<A cat > /four && <<B cat >> /four
a $V
A
b \${V}
B
RUN <<EOF
#!/bin/sh -e
echo "program $0 $V" > /five
EOF
RUN cat <<"E" | tr a-z A-Z > /six
upper
E
RUN cat 3<<E <&3 > /seven
third
E
SHELL ["/bin/sh", "-ec"]
RUN <<EOF
echo "$-" > /eight
EOF
`,
  },
  {
    name: 'here-documents: COPY and ADD, names, owners, modes, expansion',
    dockerfile: `FROM busybox:test
ARG V=arg
COPY <<EOF /plain
$V \${V:-x} \${U:-unset} "quoted" 'single' \\$V \\\\ back\\slash
EOF
COPY <<"EOF" /quoted
$V \\$V
EOF
COPY <<-one.txt <<two.txt /both/
	tabbed
	 and space
	one.txt
two
two.txt
ADD --chmod=755 --chown=5:6 <<E /run.sh
#!/bin/sh
E
COPY <<EOF /empty
EOF
COPY --chmod=u=rw,go= <<EOF <<EOF2 /dir/
a
EOF
b
EOF2
`,
  },
  {
    name: 'here-documents: ONBUILD keeps them',
    dockerfile: `FROM busybox:test AS base
ONBUILD RUN <<EOF
echo triggered > /run
echo twice >> /run
EOF
ONBUILD COPY <<a <<b /files/
A
a
B
b
FROM base
`,
  },
  { name: 'here-documents: not ended', dockerfile: 'FROM busybox:test\nRUN <<EOF\necho\n', fails: true },
  { name: 'here-documents: as a destination', files: { a: '' }, dockerfile: 'FROM busybox:test\nCOPY a <<EOF\nEOF\n', fails: true },
];

const copying: readonly Case[] = [
  {
    name: 'COPY --chmod: octal and symbolic, of files and directories',
    files: { ...tree, x: { text: 'x', mode: 0o755 } },
    dockerfile: `FROM busybox:test
COPY --chmod=640 src /octal
COPY --chmod=4711 x /setuid
COPY --chmod=u=rwX,go=rX . /symbolic
COPY --chmod=a-r,u+s x /minus
COPY --chmod=+x top.md /plus
COPY --chmod=g=u src/a.ts /copied
RUN mkdir /there && chmod 711 /there
COPY --chmod=640 src /there
COPY --chmod=640 src /new/deeper
COPY --chmod=750 --chown=7:8 src/a.ts /new2/deeper/
`,
  },
  {
    // Of files that COPY itself names it leaves out none, against its own description (moby/buildkit#5489).
    name: 'COPY --exclude: wildcards, directories, exceptions',
    files: tree,
    dockerfile: `FROM busybox:test
COPY --exclude=*.md . /one
COPY --exclude=**/*.md --exclude=src/*.test.ts . /two
COPY --exclude=src . /three
COPY --exclude=deep src /four/
COPY --exclude=**/*.ts --exclude=!src/deep/b.ts . /five
ADD --exclude=*.test.ts src /seven/
`,
  },
  {
    name: 'COPY --link: over a link of the image, a file, a directory',
    files: { ...tree, f: 'f' },
    dockerfile: `FROM busybox:test
RUN mkdir -p /real /d && ln -s /real /to && echo old > /file && echo keep > /d/keep
COPY --link f /new/f
COPY --link f /file
COPY --link src /d/
COPY --link --chown=3:4 f /owned
`,
  },
  {
    name: 'white space parts the words of COPY, quotes or not; JSON keeps them',
    files: { 'a b': 'ab', c: 'c' },
    dockerfile: 'FROM busybox:test\nCOPY ["a b", "c", "/d e/"]\nCOPY a?b "/x"\nCOPY "c" /y\nEXPOSE 80 "81/tcp"\nVOLUME "/v" /w\\\nx\n',
  },
  {
    name: 'ADD: archives, their owners and modes, with --chown, kept packed',
    files: { 'in/f': 'f', 'in/x': { text: 'x', mode: 0o755 } },
    prepare: 'chown 11:12 in/f && tar -C in -czf a.tgz f x && rm -r in',
    dockerfile: `FROM busybox:test
ADD a.tgz /plain/
ADD --chown=5:6 a.tgz /owned/
ADD --unpack=false a.tgz /kept/
ADD --unpack a.tgz /unpacked/
COPY a.tgz /copied
`,
  },
  {
    name: 'ADD: an archive with capabilities, as it is and with another owner',
    prepare:
      'mkdir t && echo x > t/cap && chown 7:8 t/cap && setcap cap_chown+p t/cap && tar --xattrs --xattrs-include="*" -cf a.tar t && rm -r t',
    dockerfile: 'FROM busybox:test\nADD a.tar /as-is/\nADD --chown=5:6 a.tar /owned/\nADD --chown=0:0 a.tar /root/\n',
  },
  {
    capable: ['taken/ping', 'taken/owned', 'again'],
    name: 'capabilities of files: COPY, with another owner, between stages',
    files: { 'd/ping': 'ping' },
    prepare: 'setcap cap_net_raw+ep d/ping',
    dockerfile: `FROM busybox:test AS first
COPY d/ping /ping
COPY --chown=5:6 d/ping /owned
FROM busybox:test
COPY --from=first /ping /owned /taken/
COPY --from=first --chown=7:8 /ping /again
`,
  },
];

const language: readonly Case[] = [
  {
    name: 'variables: patterns, replacements, errors that are none',
    dockerfile: `FROM busybox:test
ENV P=/usr/local/bin N=foo.tar.gz S=x*y?z E= L=aaa
ENV A=\${P##*/} B=\${P#*/} C=\${N%.*} D=\${N%%.*} E1=\${P/local/x} E2=\${P//\\//-} E3=\${S#x\\*} E4=\${S%\\?*} E5=\${L/a/b}\${L//a/b}
ENV F=\${P%/*}/\${N#foo.} G="\${P##/usr/}" H=\${U#x}\${U/x/y} I=\${E:-\${N%%.*}} J=\${N//./\\-} K=\${P/\\//} M=\${N%?gz}
ENV O=\${P:+\${N%.gz}} Q=\${P#\${P%/*}/} R=\${L%%a*} T=\${L##a*}x X=\${N/*./} Y=\${P?needed}\${P:?needed}
LABEL l=\${P%%/bin}
`,
  },
  {
    name: 'variables: modifiers inside each other, unset and empty ones, other parameters of a shell',
    dockerfile: `FROM busybox:test
ENV A=a E= N1=\${A:-x}\${E:-x}\${U:-x}\${E-x}\${U-x} N2=\${A:+x}\${E:+x}\${U:+x} N3=\${A+x}\${U+x}
ENV N4=\${U:-\${E:-\${A}b}c} N5="\${U:-'q'}" N6=\${U:-"d e"} N7='\${A}' N8=\\$A N9=\\\${A} P1=$1$@x P2=a$
LABEL l=\${A}\${E:-"\${U:-deep}"}
VOLUME /v/$A "/w"
WORKDIR /w\${U:-/x}/\${A}
USER \${U:-0}:\${E:-0}
`,
  },
  { name: 'variables: one that must be set', dockerfile: 'FROM busybox:test\nENV A=${U?}\n', fails: true },
  { name: 'variables: one that must not be empty', dockerfile: 'FROM busybox:test\nENV E=\nENV A=${E:?no}\n', fails: true },
  { name: 'variables: a replacement without an end', dockerfile: 'FROM busybox:test\nENV P=a\nENV A=${P/a}\n', fails: true },
  { name: 'variables: an escape of nothing in a pattern', dockerfile: 'FROM busybox:test\nENV P=a\nENV A=${P#\\x}\n', fails: true },
  {
    name: 'an escaped escape ends a line; comments and empty lines do not',
    dockerfile: 'FROM busybox:test\nENV A=b\\\\\nENV C=d \\\n\n # comment\n\n   E=f\nRUN echo a \\\n  # in between\n  b > /x\n',
  },
  {
    name: 'platform arguments: defaults, overridden, in FROM, the name of the target',
    flags: ['--build-arg', 'TARGETARCH=other', '--target', 'mine'],
    dockerfile: `FROM busybox:test AS other
RUN echo other > /which
FROM \${TARGETARCH} AS mine
ARG TARGETARCH
ARG TARGETOS
ARG TARGETSTAGE
ARG TARGETVARIANT
ARG BUILDPLATFORM=default
RUN echo "$TARGETARCH $TARGETOS $TARGETSTAGE [$TARGETVARIANT] $BUILDPLATFORM [$TARGETPLATFORM]" > /args
FROM scratch
`,
  },
  {
    name: 'platform arguments: the target where none is named',
    dockerfile: 'FROM busybox:test AS one\nFROM one AS Last\nARG TARGETSTAGE\nRUN echo "$TARGETSTAGE" > /stage\n',
  },
  {
    name: 'platform arguments: the target that has no name',
    dockerfile: 'FROM busybox:test AS one\nFROM one\nARG TARGETSTAGE\nRUN echo "$TARGETSTAGE" > /stage\n',
  },
  {
    name: 'owners: USER and WORKDIR, --chown, by name, number, with and without a group',
    files: { f: 'f' },
    dockerfile: `FROM busybox:test
RUN echo 'app:x:1234:5678::/:/bin/sh' >> /etc/passwd && echo 'app:x:99:' >> /etc/group && echo 'alone:x:77:88::/:/bin/sh' >> /etc/passwd
USER app
WORKDIR /by-name/deep
USER app:app
WORKDIR /with-group
USER 12
WORKDIR /by-number
USER 12:app
WORKDIR /mixed
USER alone
WORKDIR /alone
WORKDIR /by-name/again
COPY --chown=app f /c/app
COPY --chown=alone f /c/alone
COPY --chown=1234 f /c/number
COPY --chown=12:app f /c/mixed
`,
  },
  {
    name: 'ARG: several in one instruction see each other, those of ENV do not',
    flags: ['--build-arg', 'B=given'],
    dockerfile: `ARG A=busybox B=$A:test C=\${B}
FROM \${A}:test
ARG X=1 Y=$X-2 B Z=$B\${X:+-3}
ENV X=4 V=$X
RUN echo "$X $Y $B $Z $V" > /seen
`,
  },
  {
    name: 'HEALTHCHECK: every option, no variables',
    dockerfile:
      'FROM busybox:test\nENV X=1\nHEALTHCHECK --interval=1m --timeout=2s --start-period=3s --start-interval=500ms --retries=4 CMD test $X = 1 || exit 1\n',
  },
  {
    name: 'HEALTHCHECK: a variable as an interval',
    dockerfile: 'FROM busybox:test\nENV X=1s\nHEALTHCHECK --interval=$X CMD true\n',
    fails: true,
  },
  {
    name: 'ONBUILD: copies from a stage, a mount',
    files: { f: 'f' },
    dockerfile: `FROM busybox:test AS tools
RUN echo tool > /tool
FROM busybox:test AS base
ONBUILD COPY --from=tools /tool /tool
ONBUILD RUN --mount=type=bind,source=f,target=/f cat /f > /seen
FROM base
`,
  },
];

const running: readonly Case[] = [
  {
    name: 'RUN --mount: variables, modes, owners, read-only and writable, relative places',
    files: { 'd/f': 'f', other: 'o' },
    dockerfile: `FROM busybox:test
ARG DIR=/mnt
WORKDIR /w
RUN --mount=type=bind,source=d,target=rel ls rel > /o1
RUN --mount=type=bind,src=other,dst=$DIR/other cat $DIR/other > /o2
RUN --mount=destination=/ctx,readwrite echo x > /ctx/new && ls /ctx/d /ctx/new > /o3
RUN --mount=target=/ctx ! touch /ctx/new2 && ls /ctx/d > /o4
RUN --mount=type=tmpfs,target=/t,size=1048576 df -k /t | awk 'NR==2{print $2}' > /o5
RUN --mount=type=tmpfs,target=/t stat -c '%a %u %g' /t > /o6
RUN --mount=type=cache,target=/c,uid=5,gid=6,mode=0711 stat -c '%a %u %g' /c > /o7
RUN --mount=type=cache,target=/c stat -c '%a %u %g' /c > /o8
RUN --mount=type=cache,target=/c,ro ! touch /c/x && echo ro > /o9
RUN --mount=type=cache,id=seeded,target=/c,from=busybox:test,source=/etc cat /c/passwd | head -n 1 > /o10
RUN --mount=type=secret,id=none ls /run/secrets 2>&1 | wc -l > /o11
`,
  },
  {
    name: 'RUN --mount: a secret that is required',
    dockerfile: 'FROM busybox:test\nRUN --mount=type=secret,id=k,required true\n',
    fails: true,
  },
  { name: 'RUN --mount: a type that is none', dockerfile: 'FROM busybox:test\nRUN --mount=type=disk,target=/x true\n', fails: true },
  {
    name: 'RUN --mount: a key of another type',
    dockerfile: 'FROM busybox:test\nRUN --mount=type=bind,target=/x,size=1 true\n',
    fails: true,
  },
  {
    name: 'RUN --mount: from a variable',
    dockerfile: 'FROM busybox:test AS a\nFROM busybox:test\nARG A=a\nRUN --mount=from=$A,target=/x true\n',
    fails: true,
  },
  {
    name: 'RUN --network: none',
    dockerfile: 'FROM busybox:test\nRUN --network=none grep -c : /proc/net/dev > /links\nRUN --network=default true\n',
  },
  { name: 'RUN --network: one that there is not', dockerfile: 'FROM busybox:test\nRUN --network=moon true\n', fails: true },
  { name: 'RUN --security=insecure', dockerfile: 'FROM busybox:test\nRUN --security=insecure true\n', fails: true },
  { name: 'RUN --device', dockerfile: 'FROM busybox:test\nRUN --device=vendor/device true\n', fails: true },
];

/** What Debian's dockerd 20.10 does not know, or does by older rules: for today's BuildKit. */
export const newerCases: readonly Case[] = [...heredocs, ...copying, ...language, ...running];

const nested = (): Readonly<Record<string, string>> =>
  Object.fromEntries(['', 'dir/', 'dir/sub/', 'other/'].flatMap((folder) => ['x-a', 'x-b', 'y.txt'].map((file) => [folder + file, file])));

/** Where the rule that asks a path alone differs from the older one, which asked every directory above it, too. */
export const ignoreCases: readonly Case[] = (
  [
    ['a pattern at any depth, then a directory brought back', '**/x-a\n!dir\n'],
    ['the same the other way round', '!dir\n**/x-a\n'],
    ['a directory, what is in it, the directory brought back', 'dir\n**/x-a\n!dir\n'],
    ['everything, a directory, a part of it', '*\n!dir\ndir/*\n!dir/sub\n'],
    ['everything but a kind, at any depth', '*\n!**/*.txt\n'],
    ['an ending without a slash', '**.txt\n**-b\n'],
    ['a class and a question mark in the middle', '**/[x]-?\n!other/x-[^b]\n'],
  ] as const
).map(([name, text]) => ({
  name: `.dockerignore: ${name}`,
  files: { ...nested(), '.dockerignore': `${text}Dockerfile\n` },
  dockerfile: 'FROM busybox:test\nCOPY . /all/\n',
}));

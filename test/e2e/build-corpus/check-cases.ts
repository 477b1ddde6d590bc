/** Dockerfiles that the build checks have something to say about, each on busybox:test, which both have. */
export const checkCases: readonly (readonly [name: string, dockerfile: string])[] = [
  ['nothing', 'FROM busybox:test AS a\nRUN true\nCMD ["a"]\n'],
  ['stage names', 'FROM busybox:test AS Upper\nFROM busybox:test AS upper\nFROM busybox:test AS scratch\nFROM busybox:test AS context\n'],
  ['AS and FROM', 'FROM busybox:test as a\nfrom busybox:test AS b\nFrom busybox:test aS c\n'],
  ['casing', 'ARG A=1\nfrom busybox:test\nRUN true\nRun true\nrun true\nRUN true\nRUN true\n'],
  ['as many lower as upper', 'FROM busybox:test\nrun true\n'],
  ['empty continuations', 'FROM busybox:test\nRUN true && \\\n\n  true\nRUN true \\\n  # told\n  && true\n'],
  ['shell form', 'FROM busybox:test AS a\nENTRYPOINT a\nCMD b\nFROM a\nSHELL ["/bin/ash", "-c"]\nCMD c\nFROM busybox:test\ncmd d\n'],
  ['maintainer', 'FROM busybox:test\nMAINTAINER me\n'],
  ['arguments of FROM', 'ARG VERSION=test\nFROM busybox:${VERSOIN:-test} AS a\nFROM --platform=$BUILDPLATFROM busybox:${VERSION} AS b\n'],
  ['defaults of FROM', 'ARG NAME\nARG TAG=test\nFROM ${NAME:-busybox}:$TAG AS a\nFROM busybox:test\n'],
  [
    'workdirs',
    'FROM busybox:test AS a\nWORKDIR rel\nWORKDIR more\nFROM a\nWORKDIR again\nFROM busybox:test\nWORKDIR /abs\nWORKDIR "rel"\n',
  ],
  ['workdirs with quotes', 'FROM busybox:test\nWORKDIR "rel ative"\n'],
  [
    'variables',
    'FROM busybox:test\nARG DIR=/d\nENV A=1 B=$A C=$DRI\nLABEL l=$B$NOPE\nCOPY Dockerfile $DIR/$ALSO\nUSER ${U:-0}\nWORKDIR /$X\n',
  ],
  ['variables of a stage below', 'FROM busybox:test AS a\nENV A=1\nARG B=2\nFROM a\nENV C=$A$B$PATH$HTTP_PROXY$TARGETARCH\n'],
  ['quoted and escaped variables', 'FROM busybox:test\nENV A=\'$NO\' B=\\$NO C="$YES"\n'],
  ['twice', 'FROM busybox:test\nCMD ["a"]\nENTRYPOINT ["b"]\nCMD ["c"]\nENTRYPOINT ["d"]\nHEALTHCHECK NONE\nHEALTHCHECK CMD x\n'],
  ['old pairs', 'FROM busybox:test\nENV A b c\nLABEL d e\nENV F=g\n'],
  ['platforms', 'FROM --platform=$TARGETPLATFORM busybox:test AS a\nFROM --platform=${TARGETPLATFORM} busybox:test AS b\n'],
  ['constant platforms', 'FROM --platform=linux/amd64 busybox:test AS a\nFROM --platform=linux/amd64 busybox:test AS for_amd64\n'],
  ['secrets', 'FROM busybox:test\nARG API_KEY MONKEY\nENV GITHUB_TOKEN=1 PUBLIC_KEY=2 auth=3 keyed=4 MY_PASSWORD_HASH=5\nARG secret\n'],
  ['ports', 'FROM busybox:test\nEXPOSE 80/TCP 81/udp 82/Udp\nEXPOSE 127.0.0.1:83:83 84:84\n'],
  // BuildKit also takes a comment before an empty line for a description, against its own words.
  [
    'descriptions',
    '# check=experimental=all\n\n# told\nFROM busybox:test AS base\n# V is a version\nARG V=1\n# other\nARG W=1\n\nARG X=1\n# any\nARG Y=1 Z=2\n# one\n#\nARG Q\n',
  ],
  [
    'ignored files',
    '# check=experimental=CopyIgnoredFile\nFROM busybox:test\nCOPY gone /\nADD gone kept /x/\nCOPY --from=busybox:test gone /\nCOPY . /all\n',
  ],
  ['skipped', '# check=skip=MaintainerDeprecated,JSONArgsRecommended\nFROM busybox:test\nMAINTAINER me\nCMD a\nWORKDIR b\n'],
  ['all skipped', '# check=skip=all\nFROM busybox:test\nMAINTAINER me\n'],
];

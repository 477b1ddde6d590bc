import assert from 'node:assert/strict';
import { test } from 'node:test';
import { platformArguments } from './arguments.ts';
import { checkDockerfile } from './check.ts';
import { checkRules, experimentalRules, readCheckSettings, ruleUrl } from './check-rules.ts';
import { parseDockerfile } from './dockerfile.ts';
import { planStages } from './stages.ts';

/** `line rule: message` of every finding. */
function found(
  text: string,
  settings = '',
  ignored: readonly string[] = [],
  images: Readonly<Record<string, string>> = {},
): readonly string[] {
  const file = parseDockerfile(text);
  return checkDockerfile({
    file,
    text,
    plan: planStages(file, {}, undefined, platformArguments),
    settings: readCheckSettings(settings || file.check),
    contexts: new Set(),
    environmentOf: (base) => (base === 'known' ? new Set(['PATH', 'HOME']) : undefined),
    platformOf: (base) => images[base],
    isIgnored: (path) => ignored.includes(path),
  }).map(({ line, rule, message }) => `${line} ${rule}: ${message}`);
}

/** Each rule: a file that breaks it, what is said, and the same file mended. */
const cases: readonly (readonly [string, readonly string[], string])[] = [
  ['FROM x AS BuilderBase', ["1 StageNameCasing: Stage name 'BuilderBase' should be lowercase"], 'FROM x AS builder-base'],
  ['FROM x as b', ["1 FromAsCasing: 'as' and 'FROM' keywords' casing do not match"], 'from x as b'],
  ['from x AS b', ["1 FromAsCasing: 'AS' and 'from' keywords' casing do not match"], 'FROM x AS b'],
  ['FROM x\nRUN a \\\n\n b', ['4 NoEmptyContinuation: Empty continuation line'], 'FROM x\nRUN a \\\n # told\n b'],
  ['FROM x\nRUN a \\\n\nRUN b', ['4 NoEmptyContinuation: Empty continuation line'], 'FROM x\nRUN a\n\nRUN b'],
  [
    'FROM x\nRun a\nrun b\nRUN c',
    [
      "2 ConsistentInstructionCasing: Command 'Run' should match the case of the command majority (uppercase)",
      "3 ConsistentInstructionCasing: Command 'run' should match the case of the command majority (uppercase)",
    ],
    'ARG A\nfrom x\nrun a\nrun b',
  ],
  [
    'FROM x AS a\nFROM x AS a',
    ['2 DuplicateStageName: Duplicate stage name "a", stage names should be unique'],
    'FROM x AS a\nFROM x AS b',
  ],
  [
    'FROM x AS scratch\nFROM x AS context',
    [
      '1 ReservedStageName: Stage name should not use the same name as reserved stage "scratch"',
      '2 ReservedStageName: Stage name should not use the same name as reserved stage "context"',
    ],
    'FROM x AS a',
  ],
  [
    'FROM x\nENTRYPOINT a\nCMD b',
    [
      '2 JSONArgsRecommended: JSON arguments recommended for ENTRYPOINT to prevent unintended behavior related to OS signals',
      '3 JSONArgsRecommended: JSON arguments recommended for CMD to prevent unintended behavior related to OS signals',
    ],
    'FROM x AS s\nSHELL ["/bin/ash", "-c"]\nCMD b\nFROM s\nENTRYPOINT a',
  ],
  [
    'FROM x\nMAINTAINER me',
    ['2 MaintainerDeprecated: Maintainer instruction is deprecated in favor of using label'],
    'FROM x\nLABEL maintainer=me',
  ],
  [
    'ARG VERSION=1\nFROM x:${VERSOIN}',
    [
      "2 UndefinedArgInFrom: FROM argument 'VERSOIN' is not declared (did you mean VERSION?)",
      '2 InvalidDefaultArgInFrom: Default value for ARG x:${VERSOIN} results in empty or invalid base image name',
    ],
    'ARG VERSION=1\nARG MORE\nFROM x:${VERSION}-${TARGETARCH}${MORE:+-more}',
  ],
  [
    'FROM x\nWORKDIR "a"\nWORKDIR b',
    ['2 WorkdirRelativePath: Relative workdir "a" can have unexpected results if the base image changes'],
    'FROM x AS s\nWORKDIR /a\nFROM s\nWORKDIR b',
  ],
  [
    'FROM known\nARG DIR\nCOPY $DRI ${DIR}/\nENV A=1 B=$A',
    ["3 UndefinedVar: Usage of undefined variable '$DRI' (did you mean $DIR?)", "4 UndefinedVar: Usage of undefined variable '$A'"],
    "FROM known AS b\nARG DIR\nFROM b\nENV A=$DIR\nENV B=$A:$PATH:$HOME C='$NOT' D=\\$NOT",
  ],
  [
    'FROM known\nARG DIR\nENV E=${NOT:-x} F=$TARGETOS G=$D',
    [
      "3 UndefinedVar: Usage of undefined variable '$NOT'",
      "3 UndefinedVar: Usage of undefined variable '$TARGETOS'",
      "3 UndefinedVar: Usage of undefined variable '$D' (did you mean $DIR?)",
    ],
    'FROM known\nARG NOT\nARG TARGETOS\nENV E=${NOT:-x} F=$TARGETOS',
  ],
  ['FROM scratch\nENV A=$NOT', ["2 UndefinedVar: Usage of undefined variable '$NOT'"], 'FROM elsewhere\nENV A=$NOT'],
  [
    'FROM x\nCMD ["a"]\nCMD ["b"]\nHEALTHCHECK NONE\nHEALTHCHECK NONE',
    [
      '2 MultipleInstructionsDisallowed: Multiple CMD instructions should not be used in the same stage because only the last one will be used',
      '4 MultipleInstructionsDisallowed: Multiple HEALTHCHECK instructions should not be used in the same stage because only the last one will be used',
    ],
    'FROM x AS a\nCMD ["a"]\nFROM x\nCMD ["b"]',
  ],
  [
    'FROM x\nENV a b\nLABEL c d',
    [
      '2 LegacyKeyValueFormat: "ENV key=value" should be used instead of legacy "ENV key value" format',
      '3 LegacyKeyValueFormat: "LABEL key=value" should be used instead of legacy "LABEL key value" format',
    ],
    'FROM x\nENV a=b\nLABEL c=d',
  ],
  [
    'FROM --platform=$TARGETPLATFORM x',
    ['1 RedundantTargetPlatform: Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior'],
    'FROM --platform=$BUILDPLATFORM x',
  ],
  [
    'FROM --platform=linux/amd64 x',
    ['1 FromPlatformFlagConstDisallowed: FROM --platform flag should not use constant value "linux/amd64"'],
    'FROM --platform=linux/amd64 x AS build_amd64',
  ],
  [
    'FROM --platform=linux/arm/v7 x AS v7',
    ['1 FromPlatformFlagConstDisallowed: FROM --platform flag should not use constant value "linux/arm/v7"'],
    'FROM --platform=linux/arm/v7 x AS arm',
  ],
  [
    'FROM x\nARG AWS_SECRET_ACCESS_KEY\nENV api_token=1 OK=2',
    [
      '2 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ARG "AWS_SECRET_ACCESS_KEY")',
      '3 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ENV "api_token")',
    ],
    'FROM x\nARG PUBLIC_KEY MONKEY TOKENS_OF_LOVE',
  ],
  [
    'FROM x\nEXPOSE 80/TCP 127.0.0.1:80:80 8080:80',
    [
      "2 ExposeProtoCasing: Defined protocol '80/TCP' in EXPOSE instruction should be lowercase",
      "2 ExposeInvalidFormat: EXPOSE instruction should not define an IP address or host-port mapping, found '127.0.0.1:80:80'",
      "2 ExposeInvalidFormat: EXPOSE instruction should not define an IP address or host-port mapping, found '8080:80'",
    ],
    'FROM x\nEXPOSE 80/tcp 81/udp ${P:-80} :82',
  ],
];

test('each rule: what breaks it, what is said, what does not', () => {
  for (const [bad, wanted, good] of cases) {
    assert.deepEqual(found(bad), wanted, bad);
    assert.deepEqual(found(good), [], good);
  }
});

test('a base image whose name needs a build argument that has no default', () => {
  const said = (base: string): string =>
    `2 InvalidDefaultArgInFrom: Default value for ARG ${base} results in empty or invalid base image name`;
  const judged = (text: string): readonly string[] => {
    const file = parseDockerfile(text);
    const plan = planStages(file, { TAG: 'given' }, undefined, platformArguments);
    const input = { file, text, plan, settings: readCheckSettings(), contexts: new Set<string>() };
    return checkDockerfile({ ...input, environmentOf: () => undefined, platformOf: () => undefined, isIgnored: () => false }).map(
      ({ line, rule, message }) => `${line} ${rule}: ${message}`,
    );
  };
  assert.deepEqual(judged('ARG TAG\nFROM x:$TAG'), [said('x:$TAG')]);
  assert.deepEqual(judged('ARG TAG\nFROM $TAG'), [said('$TAG')]);
  assert.deepEqual(judged('ARG TAG=1\nFROM x:$TAG'), []);
  assert.deepEqual(judged('ARG TAG\nFROM x:${TAG:-1}'), []);
});

test('experimental rules only where they are asked for', () => {
  const copy = 'FROM x\nCOPY a b /c/\nADD b /d\nCOPY --from=y b /e';
  const said = ['2 CopyIgnoredFile: Attempting to Copy file "b" that is excluded by .dockerignore'];
  assert.deepEqual(found(copy, '', ['b']), []);
  assert.deepEqual(found(copy, 'experimental=CopyIgnoredFile', ['b']), [
    ...said,
    '3 CopyIgnoredFile: Attempting to Add file "b" that is excluded by .dockerignore',
  ]);
  const told = (text: string): readonly string[] => found(text, 'experimental=all');
  assert.deepEqual(
    told(
      '# syntax=docker/dockerfile:1\n\n# base is told\n# but last\nFROM x AS base\n# V is told\nARG V\n# other\nARG W\n# far\n\nARG X\n# a\n#\nARG Y',
    ),
    [
      '5 InvalidDefinitionDescription: Comment for FROM should follow the format: `# base <description>`',
      '9 InvalidDefinitionDescription: Comment for ARG should follow the format: `# W <description>`',
    ],
  );
  assert.deepEqual(told('# any\nARG V W\n# W of two\nARG V W\nFROM x\n# no stage is named\nFROM y'), [
    '2 InvalidDefinitionDescription: Comment for ARG should follow the format: `# <arg_key> <description>`',
  ]);
});

test('a base image of this host that was made for another machine', () => {
  const [mine, other] = process.arch === 'arm64' ? ['arm64', 'amd64'] : ['amd64', 'arm64'];
  const images = { 'x:1': `linux/${other}`, 'y:1': `linux/${mine}` };
  const judged = (text: string): readonly string[] => found(text, '', [], images);
  const said = `InvalidBaseImagePlatform: Base image x:1 was pulled with platform "linux/${other}", expected "linux/${mine}" for current build`;
  assert.deepEqual(judged('ARG X=x:1\nFROM $X AS a\nFROM y:1 AS b\nFROM a\nCOPY --from=b /x /'), [`2 ${said}`]);
  assert.deepEqual(judged('FROM x:1 AS unused\nFROM y:1'), []);
  assert.deepEqual(judged(`FROM --platform=linux/${other} x:1 AS for_${other}`), []);
});

/** Names, descriptions and pages as BuildKit has them (frontend/dockerfile/linter/ruleset.go). */
const published: readonly (readonly [string, string, string])[] = [
  ['StageNameCasing', 'stage-name-casing/', 'Stage names should be lowercase'],
  ['FromAsCasing', 'from-as-casing/', "The 'as' keyword should match the case of the 'from' keyword"],
  ['NoEmptyContinuation', 'no-empty-continuation/', 'Empty continuation lines will become errors in a future release'],
  [
    'ConsistentInstructionCasing',
    'consistent-instruction-casing/',
    'All commands within the Dockerfile should use the same casing (either upper or lower)',
  ],
  ['DuplicateStageName', 'duplicate-stage-name/', 'Stage names should be unique'],
  ['ReservedStageName', 'reserved-stage-name/', 'Reserved words should not be used as stage names'],
  [
    'JSONArgsRecommended',
    'json-args-recommended/',
    'JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to OS signals',
  ],
  [
    'MaintainerDeprecated',
    'maintainer-deprecated/',
    'The MAINTAINER instruction is deprecated, use a label instead to define an image author',
  ],
  ['UndefinedArgInFrom', 'undefined-arg-in-from/', 'FROM command must use declared ARGs'],
  [
    'WorkdirRelativePath',
    'workdir-relative-path/',
    'Relative workdir without an absolute workdir declared within the build can have unexpected results if the base image changes',
  ],
  ['UndefinedVar', 'undefined-var/', 'Variables should be defined before their use'],
  [
    'MultipleInstructionsDisallowed',
    'multiple-instructions-disallowed/',
    'Multiple instructions of the same type should not be used in the same stage',
  ],
  ['LegacyKeyValueFormat', 'legacy-key-value-format/', 'Legacy key/value format with whitespace separator should not be used'],
  ['InvalidBaseImagePlatform', '', 'Base image platform does not match expected target platform'],
  [
    'RedundantTargetPlatform',
    'redundant-target-platform/',
    'Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior',
  ],
  ['SecretsUsedInArgOrEnv', 'secrets-used-in-arg-or-env/', 'Sensitive data should not be used in the ARG or ENV commands'],
  [
    'InvalidDefaultArgInFrom',
    'invalid-default-arg-in-from/',
    'Default value for global ARG results in an empty or invalid base image name',
  ],
  ['FromPlatformFlagConstDisallowed', 'from-platform-flag-const-disallowed/', 'FROM --platform flag should not use a constant value'],
  ['CopyIgnoredFile', 'copy-ignored-file/', 'Attempting to Copy file that is excluded by .dockerignore'],
  [
    'InvalidDefinitionDescription',
    'invalid-definition-description/',
    'Comment for build stage or argument should follow the format: `# <arg/stage name> <description>`. If this is not intended to be a description comment, add an empty line or comment between the instruction and the comment.',
  ],
  ['ExposeProtoCasing', 'expose-proto-casing/', 'Protocol in EXPOSE instruction should be lowercase'],
  [
    'ExposeInvalidFormat',
    'expose-invalid-format/',
    'IP address and host-port mapping should not be used in EXPOSE instruction. This will become an error in a future release',
  ],
];

test('each rule has BuildKit’s name, description and page', () => {
  const ours = Object.entries(checkRules).map(([name, { description }]) => {
    const page = ruleUrl(name as keyof typeof checkRules).replace('https://docs.docker.com/go/dockerfile/rule/', '');
    return [name, page, description];
  });
  assert.deepEqual(ours, published);
});

test('# check: skipped rules, all of them, errors', () => {
  const body = 'FROM x\nCMD a\nMAINTAINER me';
  const rules = (directive: string): readonly string[] => found(`# check=${directive}\n${body}`).map((line) => line.split(/[ :]/)[1] ?? '');
  assert.deepEqual(rules('error=true'), ['JSONArgsRecommended', 'MaintainerDeprecated']);
  assert.deepEqual(rules('skip=JSONArgsRecommended'), ['MaintainerDeprecated']);
  assert.deepEqual(rules('skip=jsonargsrecommended, MaintainerDeprecated;error=true'), []);
  assert.deepEqual(rules('skip=all'), []);
  assert.deepEqual([readCheckSettings('skip=all;error=true').isError, readCheckSettings('error=false').isError], [true, false]);
  assert.equal(readCheckSettings('experimental=all;skip=CopyIgnoredFile').isJudged('CopyIgnoredFile'), false);
  const bad: readonly (readonly [string, string])[] = [
    ['skipp=all', 'invalid check option "skipp"'],
    ['skip', 'invalid check option "skip"'],
    ['error=maybe', 'failed to parse check option "error=maybe": want true or false'],
  ];
  for (const [text, message] of bad)
    assert.throws(() => readCheckSettings(text), { kind: 'invalid', message: `failed to parse check options: ${message}` }, text);
});

test('every rule has a case above', () => {
  const seen = new Set(cases.flatMap(([, wanted]) => wanted.map((line) => line.split(/[ :]/)[1])));
  const missing = Object.keys(checkRules).filter(
    (rule) => !seen.has(rule) && !experimentalRules.has(rule as keyof typeof checkRules) && rule !== 'InvalidBaseImagePlatform',
  );
  assert.deepEqual(missing, []);
});

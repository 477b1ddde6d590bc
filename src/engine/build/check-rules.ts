import { KindError } from '../../base/errors.ts';

interface Rule<Words extends readonly string[]> {
  /** What the rule wants, whatever was found. */
  readonly description: string;
  /** What it says of a finding. */
  readonly say: (...words: Words) => string;
}

const quoted = (text: string): string => JSON.stringify(text);

function check<Words extends readonly string[]>(description: string, say: (...words: Words) => string): Rule<Words> {
  return { description, say };
}

/** The build checks of https://docs.docker.com/reference/build-checks/, in their words. */
export const checkRules = {
  StageNameCasing: check('Stage names should be lowercase', (name: string) => `Stage name '${name}' should be lowercase`),
  FromAsCasing: check(
    "The 'as' keyword should match the case of the 'from' keyword",
    (from: string, as: string) => `'${as}' and '${from}' keywords' casing do not match`,
  ),
  NoEmptyContinuation: check('Empty continuation lines will become errors in a future release', () => 'Empty continuation line'),
  ConsistentInstructionCasing: check(
    'All commands within the Dockerfile should use the same casing (either upper or lower)',
    (word: string, casing: string) => `Command '${word}' should match the case of the command majority (${casing})`,
  ),
  DuplicateStageName: check(
    'Stage names should be unique',
    (name: string) => `Duplicate stage name ${quoted(name)}, stage names should be unique`,
  ),
  ReservedStageName: check(
    'Reserved words should not be used as stage names',
    (name: string) => `Stage name should not use the same name as reserved stage ${quoted(name)}`,
  ),
  JSONArgsRecommended: check(
    'JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to OS signals',
    (word: string) => `JSON arguments recommended for ${word} to prevent unintended behavior related to OS signals`,
  ),
  MaintainerDeprecated: check(
    'The MAINTAINER instruction is deprecated, use a label instead to define an image author',
    () => 'Maintainer instruction is deprecated in favor of using label',
  ),
  UndefinedArgInFrom: check(
    'FROM command must use declared ARGs',
    (name: string, meant: string) => `FROM argument '${name}' is not declared${meant}`,
  ),
  WorkdirRelativePath: check(
    'Relative workdir without an absolute workdir declared within the build can have unexpected results if the base image changes',
    (path: string) => `Relative workdir ${quoted(path)} can have unexpected results if the base image changes`,
  ),
  UndefinedVar: check(
    'Variables should be defined before their use',
    (name: string, meant: string) => `Usage of undefined variable '$${name}'${meant}`,
  ),
  MultipleInstructionsDisallowed: check(
    'Multiple instructions of the same type should not be used in the same stage',
    (word: string) => `Multiple ${word} instructions should not be used in the same stage because only the last one will be used`,
  ),
  LegacyKeyValueFormat: check(
    'Legacy key/value format with whitespace separator should not be used',
    (word: string) => `"${word} key=value" should be used instead of legacy "${word} key value" format`,
  ),
  InvalidBaseImagePlatform: check(
    'Base image platform does not match expected target platform',
    (image: string, actual: string, expected: string) =>
      `Base image ${image} was pulled with platform ${quoted(actual)}, expected ${quoted(expected)} for current build`,
  ),
  RedundantTargetPlatform: check(
    'Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior',
    (platform: string) => `Setting platform to predefined ${platform} in FROM is redundant as this is the default behavior`,
  ),
  SecretsUsedInArgOrEnv: check(
    'Sensitive data should not be used in the ARG or ENV commands',
    (word: string, name: string) => `Do not use ARG or ENV instructions for sensitive data (${word} ${quoted(name)})`,
  ),
  InvalidDefaultArgInFrom: check(
    'Default value for global ARG results in an empty or invalid base image name',
    (base: string) => `Default value for ARG ${base} results in empty or invalid base image name`,
  ),
  FromPlatformFlagConstDisallowed: check(
    'FROM --platform flag should not use a constant value',
    (platform: string) => `FROM --platform flag should not use constant value ${quoted(platform)}`,
  ),
  CopyIgnoredFile: check(
    'Attempting to Copy file that is excluded by .dockerignore',
    (word: string, path: string) => `Attempting to ${word} file ${quoted(path)} that is excluded by .dockerignore`,
  ),
  InvalidDefinitionDescription: check(
    'Comment for build stage or argument should follow the format: `# <arg/stage name> <description>`. If this is not intended to be a description comment, add an empty line or comment between the instruction and the comment.',
    (what: string, name: string) => `Comment for ${what} should follow the format: \`# ${name} <description>\``,
  ),
  ExposeProtoCasing: check(
    'Protocol in EXPOSE instruction should be lowercase',
    (port: string) => `Defined protocol '${port}' in EXPOSE instruction should be lowercase`,
  ),
  ExposeInvalidFormat: check(
    'IP address and host-port mapping should not be used in EXPOSE instruction. This will become an error in a future release',
    (port: string) => `EXPOSE instruction should not define an IP address or host-port mapping, found '${port}'`,
  ),
} as const;

export type CheckRule = keyof typeof checkRules;

/** Judged only where `experimental=` asks for them. */
export const experimentalRules: ReadonlySet<CheckRule> = new Set(['CopyIgnoredFile', 'InvalidDefinitionDescription']);

export interface CheckSettings {
  readonly isJudged: (rule: CheckRule) => boolean;
  /** Findings end the build before its first step. */
  readonly isError: boolean;
}

/**
 * `skip=A,B;error=true;experimental=C`, each of the lists also `all`. From the directive `# check`, or from the build
 * argument BUILDKIT_DOCKERFILE_CHECK, which stands before it.
 */
export function readCheckSettings(text = ''): CheckSettings {
  const fields = new Map<string, string>();
  for (const part of text.split(';').filter((one) => one.trim() !== '')) {
    const [name = '', value] = part.split(/=(.*)/s, 2).map((word) => word.trim());
    const isKnown = ['skip', 'error', 'experimental'].includes(name.toLowerCase());
    if (value === undefined || !isKnown) throw bad(`invalid check option ${quoted(isKnown ? part : name)}`);
    fields.set(name.toLowerCase(), value);
  }
  const named = (field: string): ((rule: CheckRule) => boolean) => {
    const names = new Set((fields.get(field) ?? '').split(',').map((name) => name.trim().toLowerCase()));
    return (rule) => names.has('all') || names.has(rule.toLowerCase());
  };
  const [skips, experiments] = [named('skip'), named('experimental')];
  const error = fields.get('error') ?? 'false';
  if (!/^(?:1|t|true|0|f|false)$/i.test(error)) throw bad(`failed to parse check option "error=${error}": want true or false`);
  return {
    isJudged: (rule) => !skips(rule) && (!experimentalRules.has(rule) || experiments(rule)),
    isError: /^(?:1|t|true)$/i.test(error),
  };
}

function bad(what: string): KindError {
  return new KindError('invalid', `failed to parse check options: ${what}`);
}

/** The page that explains a rule: `…/rule/json-args-recommended/`; the one about base images has none. */
export function ruleUrl(rule: CheckRule): string {
  if (rule === 'InvalidBaseImagePlatform') return '';
  const slug = rule
    .replaceAll(/([a-z])([A-Z])/g, '$1-$2')
    .replaceAll(/([A-Z])([A-Z][a-z])/g, '$1-$2')
    .toLowerCase();
  return `https://docs.docker.com/go/dockerfile/rule/${slug}/`;
}

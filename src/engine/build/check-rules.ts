/** The build checks of https://docs.docker.com/reference/build-checks/, each with what it says of a finding. */
export const checkRules = {
  StageNameCasing: (name: string) => `Stage name '${name}' should be lowercase`,
  FromAsCasing: (from: string, as: string) => `'${as}' and '${from}' keywords' casing do not match`,
  NoEmptyContinuation: () => 'Empty continuation line',
  ConsistentInstructionCasing: (word: string, casing: string) =>
    `Command '${word}' should match the case of the command majority (${casing})`,
  DuplicateStageName: (name: string) => `Duplicate stage name "${name}", stage names should be unique`,
  ReservedStageName: (name: string) => `Stage name should not use the same name as reserved stage "${name}"`,
  JSONArgsRecommended: (word: string) => `JSON arguments recommended for ${word} to prevent unintended behavior related to OS signals`,
  MaintainerDeprecated: () => 'Maintainer instruction is deprecated in favor of using label',
  UndefinedArgInFrom: (name: string, meant: string) => `FROM argument '${name}' is not declared${meant}`,
  WorkdirRelativePath: (path: string) => `Relative workdir "${path}" can have unexpected results if the base image changes`,
  UndefinedVar: (name: string, meant: string) => `Usage of undefined variable '$${name}'${meant}`,
  MultipleInstructionsDisallowed: (word: string) =>
    `Multiple ${word} instructions should not be used in the same stage because only the last one will be used`,
  LegacyKeyValueFormat: (word: string) => `"${word} key=value" should be used instead of legacy "${word} key value" format`,
  RedundantTargetPlatform: (platform: string) =>
    `Setting platform to predefined ${platform} in FROM is redundant as this is the default behavior`,
  SecretsUsedInArgOrEnv: (word: string, name: string) => `Do not use ARG or ENV instructions for sensitive data (${word} "${name}")`,
  InvalidDefaultArgInFrom: (base: string) => `Default value for ARG ${base} results in empty or invalid base image name`,
  FromPlatformFlagConstDisallowed: (platform: string) => `FROM --platform flag should not use constant value "${platform}"`,
  CopyIgnoredFile: (word: string, path: string) => `Attempting to ${word} file "${path}" that is excluded by .dockerignore`,
  InvalidDefinitionDescription: (what: string, name: string) => `Comment for ${what} should follow the format: \`# ${name} <description>\``,
  ExposeProtoCasing: (port: string) => `Defined protocol '${port}' in EXPOSE instruction should be lowercase`,
  ExposeInvalidFormat: (port: string) => `EXPOSE instruction should not define an IP address or host-port mapping, found '${port}'`,
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
  for (const part of text.split(';')) {
    const [name = '', value = ''] = part.split(/=(.*)/s, 2).map((word) => word.trim());
    if (name !== '') fields.set(name.toLowerCase(), value);
  }
  const named = (field: string): ((rule: CheckRule) => boolean) => {
    const names = new Set((fields.get(field) ?? '').split(',').map((name) => name.trim().toLowerCase()));
    return (rule) => names.has('all') || names.has(rule.toLowerCase());
  };
  const [skips, experiments] = [named('skip'), named('experimental')];
  return {
    isJudged: (rule) => !skips(rule) && (!experimentalRules.has(rule) || experiments(rule)),
    isError: /^(?:1|t|true)$/i.test(fields.get('error') ?? ''),
  };
}

/** The page that explains a rule: `…/rule/json-args-recommended/`. */
export function ruleUrl(rule: CheckRule): string {
  const slug = rule
    .replaceAll(/([a-z])([A-Z])/g, '$1-$2')
    .replaceAll(/([A-Z])([A-Z][a-z])/g, '$1-$2')
    .toLowerCase();
  return `https://docs.docker.com/go/dockerfile/rule/${slug}/`;
}

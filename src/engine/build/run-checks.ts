import { isKind, KindError } from '../../base/errors.ts';
import type { LocalImages } from '../images/local-images.ts';
import { checkDockerfile } from './check.ts';
import { checkRules, readCheckSettings, ruleUrl } from './check-rules.ts';
import type { BuildContext } from './context.ts';
import { ignoredBy } from './context.ts';
import type { Dockerfile } from './dockerfile.ts';
import type { Finding } from './findings.ts';
import { checkSettingArgument } from './arguments.ts';
import { excerpt, placeOf } from './place.ts';
import { baseStage, type Plan } from './stages.ts';

/** A finding with the page that explains its rule, and its line as it is shown. */
export interface ToldFinding extends Finding {
  /** What the rule wants. */
  readonly description: string;
  /** Empty for the rule that has no page. */
  readonly url: string;
  readonly excerpt: string;
}

/** What the build checks say of this build. */
export interface CheckReport {
  /** The Dockerfile as errors name it. */
  readonly file: string;
  readonly findings: readonly ToldFinding[];
  /** The findings are errors: `# check=error=true`. */
  readonly isError: boolean;
}

export interface CheckedBuild {
  readonly images: Pick<LocalImages, 'get'>;
  readonly context: Pick<BuildContext, 'dockerfile' | 'dockerfileName' | 'ignore'>;
  readonly buildArgs: Readonly<Record<string, string | undefined>>;
  readonly contexts: ReadonlySet<string>;
}

export async function runChecks(build: CheckedBuild, file: Dockerfile, plan: Plan): Promise<CheckReport> {
  const { context, contexts } = build;
  const settings = readCheckSettings(build.buildArgs[checkSettingArgument] ?? file.check);
  const bases = await baseImages(build, plan);
  const findings = checkDockerfile({
    file,
    text: context.dockerfile,
    plan,
    settings,
    contexts,
    environmentOf: (base) => bases.get(base)?.environment,
    platformOf: (base) => bases.get(base)?.platform,
    isIgnored: (path) => ignoredBy(context.ignore, path) !== undefined,
  });
  return {
    file: context.dockerfileName,
    findings: findings.map((finding) => ({
      ...finding,
      description: checkRules[finding.rule].description,
      url: ruleUrl(finding.rule),
      excerpt: excerptOf(finding, context),
    })),
    isError: settings.isError,
  };
}

function excerptOf({ line }: Finding, { dockerfile, dockerfileName }: CheckedBuild['context']): string {
  const text = dockerfile.split(/\r?\n/)[line - 1] ?? '';
  const { column, width } = placeOf([{ number: line, text }], text.trim());
  return excerpt(dockerfileName, dockerfile, { line, column, width });
}

/** With `error=true` what was found ends the build. */
export function refuseFindings({ findings, isError }: CheckReport): void {
  const [first] = findings;
  if (!isError || !first) return;
  const rules = [...new Set(findings.map(({ rule }) => rule))].join(', ');
  throw new KindError('invalid', `lint violation found for rules: ${rules}: mend them, or leave rules out with # check=skip=RULE`, {
    details: { line: first.line },
  });
}

interface BaseImage {
  /** The names that it sets. */
  readonly environment: ReadonlySet<string>;
  readonly platform: string;
}

/** Those that are on this host; nothing is pulled for it. */
async function baseImages({ images, contexts }: CheckedBuild, plan: Plan): Promise<ReadonlyMap<string, BaseImage>> {
  const bases = plan.stages
    .filter((stage) => stage.base !== 'scratch' && !contexts.has(stage.base.toLowerCase()) && !baseStage(plan.stages, stage))
    .map(({ base }) => base);
  const found = new Map<string, BaseImage>();
  for (const base of new Set(bases)) {
    const image = await images.get(base).catch((error: unknown) => {
      if (isKind(error, 'notFound') || isKind(error, 'invalid')) return undefined;
      throw error;
    });
    if (!image) continue;
    const { config, os, architecture } = image.config;
    const names = (config?.Env ?? []).map((entry) => entry.slice(0, entry.indexOf('=')));
    found.set(base, { environment: new Set(['PATH', ...names]), platform: `${os}/${architecture}` });
  }
  return found;
}

import { KindError } from '../../base/errors.ts';
import profile from './seccomp.generated.json' with { type: 'json' };

interface Rule {
  readonly names: readonly string[];
  readonly action?: string;
  readonly errnoRet?: number;
  readonly args?: readonly object[];
  readonly includes?: Conditions;
  readonly excludes?: Conditions;
}

interface DockerProfile {
  readonly architectures?: readonly string[];
  readonly archMap?: readonly { readonly architecture: string; readonly subArchitectures?: readonly string[] }[];
  readonly syscalls?: readonly (Omit<Rule, 'names'> & { readonly name?: string; readonly names?: readonly string[] })[];
}

interface Conditions {
  readonly caps?: readonly string[];
  readonly arches?: readonly string[];
  readonly minKernel?: string;
}

export interface SeccompHost {
  /** As Node.js names it: `x64`, `arm64`. */
  readonly arch: string;
  /** `uname -r`. */
  readonly kernelRelease: string;
}

const architectures: Readonly<Record<string, { readonly name: string; readonly seccomp: string }>> = {
  x64: { name: 'amd64', seccomp: 'SCMP_ARCH_X86_64' },
  arm64: { name: 'arm64', seccomp: 'SCMP_ARCH_AARCH64' },
};

/** Docker's default profile in the OCI form, for one set of capabilities on one host. */
export function defaultSeccomp(capabilities: readonly string[], host: SeccompHost): object {
  const architecture = architectures[host.arch]?.seccomp;
  const subArchitectures = architecture ? ((profile.architectures as Readonly<Record<string, readonly string[]>>)[architecture] ?? []) : [];
  const rules = (profile.rules as readonly (Omit<Rule, 'names'> & { readonly names: string })[]).map((rule) => ({
    ...rule,
    names: rule.names.split(' '),
  }));
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: profile.errnoRet,
    ...(architecture && { architectures: [architecture, ...subArchitectures] }),
    syscalls: rulesFor(rules, capabilities, host),
  };
}

/** A profile as users write it (`--security-opt seccomp=file`), in the OCI form: its conditions hold or not on this host. */
export function customSeccomp(given: object, capabilities: readonly string[], host: SeccompHost): object {
  const { archMap, syscalls = [], ...rest } = given as DockerProfile;
  if (archMap?.length && rest.architectures?.length)
    throw new KindError('invalid', "use either 'architectures' or 'archMap' in the seccomp profile, not both");
  const own = archMap?.find(({ architecture }) => architecture === architectures[host.arch]?.seccomp);
  return {
    ...rest,
    ...(own && { architectures: [own.architecture, ...(own.subArchitectures ?? [])] }),
    syscalls: rulesFor(
      syscalls.map(({ name, names, ...rule }) => ({ ...rule, names: names ?? (name ? [name] : []) })),
      capabilities,
      host,
    ),
  };
}

/** Conditions become present or absent rules. */
function rulesFor(rules: readonly Rule[], capabilities: readonly string[], host: SeccompHost): readonly object[] {
  const arch = architectures[host.arch]?.name;
  const holds = ({ includes, excludes }: Rule): boolean =>
    included(includes, capabilities, arch, host) && !excluded(excludes, capabilities, arch, host);
  return rules.filter(holds).map(({ names, action, errnoRet, args }) => ({
    names,
    action: action ?? 'SCMP_ACT_ALLOW',
    ...(errnoRet !== undefined && { errnoRet }),
    ...(args?.length && { args }),
  }));
}

function included(
  conditions: Conditions | undefined,
  capabilities: readonly string[],
  arch: string | undefined,
  host: SeccompHost,
): boolean {
  if (!conditions) return true;
  if (conditions.arches && !(arch && conditions.arches.includes(arch))) return false;
  if (conditions.caps && !conditions.caps.every((name) => capabilities.includes(name))) return false;
  return !conditions.minKernel || isAtLeast(host.kernelRelease, conditions.minKernel);
}

function excluded(
  conditions: Conditions | undefined,
  capabilities: readonly string[],
  arch: string | undefined,
  host: SeccompHost,
): boolean {
  if (!conditions) return false;
  if (conditions.arches && arch && conditions.arches.includes(arch)) return true;
  if (conditions.minKernel && isAtLeast(host.kernelRelease, conditions.minKernel)) return true;
  return conditions.caps?.some((name) => capabilities.includes(name)) ?? false;
}

export function isAtLeast(release: string, wanted: string): boolean {
  const [major = 0, minor = 0] = release.split('.').map((part) => Number.parseInt(part, 10));
  const [wantedMajor = 0, wantedMinor = 0] = wanted.split('.').map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

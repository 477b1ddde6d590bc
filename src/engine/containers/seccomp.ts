import profile from './seccomp.generated.json' with { type: 'json' };

interface Rule {
  readonly names: string;
  readonly action?: string;
  readonly errnoRet?: number;
  readonly args?: readonly object[];
  readonly includes?: Conditions;
  readonly excludes?: Conditions;
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

/** Docker's default profile in the OCI form, for one set of capabilities on one host: conditions become present or absent rules. */
export function defaultSeccomp(capabilities: readonly string[], host: SeccompHost): object {
  const arch = architectures[host.arch];
  const rules = profile.rules as readonly Rule[];
  const holds = (rule: Rule): boolean =>
    included(rule.includes, capabilities, arch?.name, host) && !excluded(rule.excludes, capabilities, arch?.name);
  const subArchitectures = arch ? ((profile.architectures as Readonly<Record<string, readonly string[]>>)[arch.seccomp] ?? []) : [];
  return {
    defaultAction: 'SCMP_ACT_ERRNO',
    defaultErrnoRet: profile.errnoRet,
    ...(arch && { architectures: [arch.seccomp, ...subArchitectures] }),
    syscalls: rules.filter(holds).map(({ names, action, errnoRet, args }) => ({
      names: names.split(' '),
      action: action ?? 'SCMP_ACT_ALLOW',
      ...(errnoRet !== undefined && { errnoRet }),
      ...(args && { args }),
    })),
  };
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

function excluded(conditions: Conditions | undefined, capabilities: readonly string[], arch: string | undefined): boolean {
  if (!conditions) return false;
  if (conditions.arches && arch && conditions.arches.includes(arch)) return true;
  return conditions.caps?.some((name) => capabilities.includes(name)) ?? false;
}

function isAtLeast(release: string, wanted: string): boolean {
  const [major = 0, minor = 0] = release.split('.').map((part) => Number.parseInt(part, 10));
  const [wantedMajor = 0, wantedMinor = 0] = wanted.split('.').map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

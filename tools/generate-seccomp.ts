/**
 * Converts Docker's default seccomp profile (moby/profiles, seccomp/default.json, Apache-2.0) to the compact facts of
 * src/engine/containers/seccomp.generated.json:  node tools/generate-seccomp.ts <default.json> [--check]
 */
import { readFileSync, writeFileSync } from 'node:fs';

interface Source {
  readonly defaultErrnoRet: number;
  readonly archMap: readonly { readonly architecture: string; readonly subArchitectures: readonly string[] | null }[];
  readonly syscalls: readonly {
    readonly names: readonly string[];
    readonly action: string;
    readonly errnoRet?: number;
    readonly args?: readonly { readonly index: number; readonly value: number; readonly valueTwo?: number; readonly op: string }[];
    readonly includes?: Conditions;
    readonly excludes?: Conditions;
  }[];
}

interface Conditions {
  readonly caps?: readonly string[];
  readonly arches?: readonly string[];
  readonly minKernel?: string;
}

const target = new URL('../src/engine/containers/seccomp.generated.json', import.meta.url);
const [source, flag] = process.argv.slice(2);
if (!source) throw new Error('usage: node tools/generate-seccomp.ts <default.json> [--check]');
const profile = JSON.parse(readFileSync(source, 'utf8')) as Source;
const rules = profile.syscalls.map((rule) => ({
  names: rule.names.join(' '),
  ...(rule.action !== 'SCMP_ACT_ALLOW' && { action: rule.action }),
  ...(rule.errnoRet !== undefined && { errnoRet: rule.errnoRet }),
  ...(rule.args && { args: rule.args }),
  ...(rule.includes && { includes: rule.includes }),
  ...(rule.excludes && { excludes: rule.excludes }),
}));
const architectures = Object.fromEntries(
  profile.archMap.map(({ architecture, subArchitectures }) => [architecture, subArchitectures ?? []]),
);
const facts = { source: 'moby/profiles seccomp/default.json, Apache-2.0', errnoRet: profile.defaultErrnoRet, architectures, rules };
const text = `${JSON.stringify(facts)}\n`;
if (flag !== '--check') writeFileSync(target, text);
else if (readFileSync(target, 'utf8') !== text)
  throw new Error('src/engine/containers/seccomp.generated.json is not what the profile gives: generate it again');

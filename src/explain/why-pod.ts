import type { Pod } from '../api/kubernetes/types.generated.ts';
import type { Cluster } from '../kubernetes/scheduler/cluster/cluster.ts';
import { podInfo } from '../kubernetes/scheduler/cluster/pod-info.ts';
import { allRefusals, questionsOf } from '../kubernetes/scheduler/evaluate.ts';
import type { Attempt } from '../kubernetes/scheduler/attempts.ts';
import type { Profile } from '../kubernetes/scheduler/profile.ts';
import { type Fix, fixesFor } from './fixes.ts';

/** Why a pod has no node: each node's every objection, and the smallest change after which one would take it. */
export interface PodWhy {
  readonly pod: string;
  /** One sentence. */
  readonly summary: string;
  readonly nodes: readonly {
    readonly name: string;
    readonly refusals: readonly { readonly plugin: string; readonly reasons: readonly string[] }[];
  }[];
  readonly lastAttempt?: { readonly at: string; readonly message: string };
  readonly suggestion?: { readonly fixes: readonly Fix[]; readonly nodeName?: string };
}

export interface SchedulingFacts {
  readonly cluster: Cluster;
  readonly profiles: readonly Profile[];
  readonly attempt: Attempt | undefined;
}

/** Pure: reads the scheduler's facts, changes nothing. */
export function whyPod(pod: Pod, { cluster, profiles, attempt }: SchedulingFacts): PodWhy {
  const name = `${pod.metadata.namespace}/${pod.metadata.name}`;
  const base = { pod: name, nodes: [], ...(attempt && { lastAttempt: { at: attempt.at, message: attempt.message } }) };
  if (pod.spec?.nodeName) return { ...base, summary: `it has a node: ${pod.spec.nodeName}` };
  const gates = pod.spec?.schedulingGates ?? [];
  if (gates.length > 0)
    return { ...base, summary: `it is gated by ${gates.map((one) => one.name).join(', ')}`, suggestion: { fixes: [ungate(pod)] } };
  const wanted = pod.spec?.schedulerName ?? 'default-scheduler';
  const profile = profiles.find(({ schedulerName }) => schedulerName === wanted);
  if (!profile) {
    const known = profiles.map(({ schedulerName }) => schedulerName).join(', ');
    return { ...base, summary: `it asks for scheduler ${wanted}, which davit does not have: it has ${known}` };
  }
  const info = podInfo(pod, cluster.lookups.namespaceLabels);
  const questions = questionsOf(info, cluster, profile);
  const verdicts = cluster.nodes.map((node) => ({ node, refusals: allRefusals(questions, node) }));
  const nodes = verdicts.map(({ node, refusals }) => ({
    name: node.name,
    refusals: refusals.map(({ plugin, verdict }) => ({ plugin, reasons: verdict.reasons })),
  }));
  if (nodes.length === 0) return { ...base, summary: 'there are no nodes' };
  const free = verdicts.filter(({ refusals }) => refusals.length === 0).length;
  if (free > 0) return { ...base, nodes, summary: `${free} of ${nodes.length} nodes could take it now: it will be placed shortly` };
  const options = verdicts.flatMap(({ node, refusals }) => {
    const parts = refusals.map((refusal) => fixesFor(refusal, { info, node, cluster, profile }));
    return parts.some((part) => part === undefined) ? [] : [{ nodeName: node.name, fixes: distinct(parts.flatMap((part) => part ?? [])) }];
  });
  const [suggestion] = options.toSorted((a, b) => costOf(a.fixes) - costOf(b.fixes));
  return { ...base, nodes, summary: `none of ${nodes.length} nodes takes it`, ...(suggestion && { suggestion }) };
}

/** Fewer commands first; among those, leaving pods alone. */
function costOf(fixes: readonly Fix[]): number {
  return fixes.reduce((sum, { command }) => sum + (command.startsWith('kubectl delete') ? 1.5 : 1), 0);
}

/** One pod that goes may answer two objections. */
function distinct(fixes: readonly Fix[]): readonly Fix[] {
  return [...new Map(fixes.map((fix) => [fix.command, fix])).values()];
}

function ungate({ metadata }: Pod): Fix {
  const body = '[{"op":"remove","path":"/spec/schedulingGates"}]';
  return { text: 'take its gates off', command: `kubectl patch pod ${metadata.name} -n ${metadata.namespace} --type=json -p '${body}'` };
}

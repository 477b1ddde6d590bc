/** Which group comes first where several have a resource of one name, as upstream ranks them. */
const groups: Readonly<Record<string, number>> = {
  '': 18_000,
  'apiregistration.k8s.io': 20_000,
  apps: 17_800,
  'events.k8s.io': 17_750,
  'authentication.k8s.io': 17_700,
  'authorization.k8s.io': 17_600,
  autoscaling: 17_500,
  batch: 17_400,
  'certificates.k8s.io': 17_300,
  'networking.k8s.io': 17_200,
  policy: 17_100,
  'rbac.authorization.k8s.io': 17_000,
  'storage.k8s.io': 16_800,
  'apiextensions.k8s.io': 16_700,
  'admissionregistration.k8s.io': 16_700,
  'scheduling.k8s.io': 16_600,
  'coordination.k8s.io': 16_500,
  'node.k8s.io': 16_300,
  'discovery.k8s.io': 16_200,
  'metrics.k8s.io': 100,
};

const versions: Readonly<Record<string, number>> = { 'autoscaling/v2': 30, '/v1': 1 };

export interface Priority {
  readonly groupPriorityMinimum: number;
  readonly versionPriority: number;
}

/** Of what this server serves itself; what definitions add comes after everything built in. */
export function localPriority(group: string, version: string): Priority {
  const groupPriorityMinimum = groups[group];
  if (groupPriorityMinimum === undefined) return { groupPriorityMinimum: 1000, versionPriority: 100 };
  return { groupPriorityMinimum, versionPriority: versions[`${group}/${version}`] ?? 15 };
}

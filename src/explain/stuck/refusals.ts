import {
  mutatingWebhookConfigurations,
  resourceQuotas,
  validatingAdmissionPolicyBindings,
  validatingWebhookConfigurations,
} from '../../api/kubernetes/kinds.ts';
import { quantityOf } from '../../api/kubernetes/quantity.ts';
import { argumentsOf, patch, type Facts, type Finding } from './finding.ts';

/** Why pods are not even made: the API server's refusal, taken apart. `missing`: how many are still to be made. */
export async function refusalOf(facts: Facts, namespace: string, message: string, missing: number): Promise<Finding> {
  const text = `its pods are refused: ${message}`;
  const quota = /exceeded quota: ([^,]+), requested: (.+?), used: (.+?), limited: (.+)$/.exec(message);
  if (quota) {
    const [, name = '', requested = '', used = ''] = quota;
    const [more, before] = [amounts(requested), amounts(used)];
    const hard = Object.fromEntries(
      Object.entries(more).map(([resource, amount]) => [resource, String((before[resource] ?? 0) + amount * missing)]),
    );
    return { text, fix: patch(`raise quota ${name}`, { kind: resourceQuotas, namespace, name }, { spec: { hard } }) };
  }
  const account = /serviceaccount "([^"]+)" not found/.exec(message)?.[1];
  if (account)
    return { text, fix: { text: 'make the service account', command: `kubectl create serviceaccount ${account} -n ${namespace}` } };
  if (message.includes('violates PodSecurity')) {
    const command = `kubectl label namespace ${namespace} pod-security.kubernetes.io/enforce=privileged --overwrite`;
    return { text, fix: { text: 'let the namespace have such pods (better: mend the pod template)', command } };
  }
  const binding = /ValidatingAdmissionPolicy '[^']+' with binding '([^']+)'/.exec(message)?.[1];
  if (binding) {
    const command = `kubectl delete ${argumentsOf({ kind: validatingAdmissionPolicyBindings, name: binding })}`;
    return { text, fix: { text: 'take the policy off (better: mend the pod template)', command } };
  }
  const webhook = /webhook "([^"]+)"/.exec(message)?.[1];
  const configuration = webhook === undefined ? undefined : await configurationOf(facts, webhook);
  if (configuration)
    return {
      text,
      fix: { text: 'take the webhook off (better: mend it, or the pod template)', command: `kubectl delete ${configuration}` },
    };
  return { text };
}

async function configurationOf({ reader }: Facts, webhook: string): Promise<string | undefined> {
  for (const kind of [validatingWebhookConfigurations, mutatingWebhookConfigurations]) {
    const all = (await reader.list(kind)) as readonly {
      readonly metadata: { readonly name?: string };
      readonly webhooks?: readonly { readonly name: string }[];
    }[];
    const found = all.find(({ webhooks = [] }) => webhooks.some(({ name }) => name === webhook));
    if (found) return argumentsOf({ kind, name: found.metadata.name ?? '' });
  }
  return undefined;
}

/** `pods=1,requests.cpu=100m` */
function amounts(text: string): Readonly<Record<string, number>> {
  const pairs = text.split(',').map((one) => one.split('=') as [string, string]);
  return Object.fromEntries(pairs.map(([resource, amount]) => [resource.trim(), quantityOf(amount)]));
}

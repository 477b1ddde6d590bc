import type { Container, Pod } from '../../../api/kubernetes/types.generated.ts';

/** A sidecar is an init container that is restarted for as long as the pod lives. */
export function isSidecar(container: Container): boolean {
  return container.restartPolicy === 'Always';
}

/** Whether a container that ended with this code is started again: its own rules, then its own policy, then the pod's. */
export function shouldRestart(pod: Pod, container: Container, exitCode: number): boolean {
  const isNamed = (container.restartPolicyRules ?? []).some(({ action, exitCodes }) => {
    const isIn = exitCodes?.values?.includes(exitCode) ?? false;
    return action === 'Restart' && exitCodes !== undefined && isIn === (exitCodes.operator === 'In');
  });
  const policy = container.restartPolicy ?? pod.spec?.restartPolicy ?? 'Always';
  return isNamed || policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
}

import type { Container, Pod } from '../../../api/kubernetes/types.generated.ts';

/** Tells people what the kubelet does to a pod, as Events with upstream's reasons. Never fails. */
export interface PodRecorder {
  record(pod: Pod, type: 'Normal' | 'Warning', reason: string, message: string, container?: Container): void;
}

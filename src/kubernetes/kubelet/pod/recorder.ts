import type { Container, Pod } from '../../../api/kubernetes/types.generated.ts';
import type { EventRecorder } from '../../client/event-recorder.ts';

import { fieldOf } from './all-containers.ts';

/** Tells people what the kubelet does to a pod, as Events with upstream's reasons. Never fails. */
export interface PodRecorder {
  record(pod: Pod, type: 'Normal' | 'Warning', reason: string, message: string, container?: Container): void;
}

/** Events about a pod as a whole, or about one of its containers (`spec.containers{web}`). */
export function podRecorder(events: EventRecorder): PodRecorder {
  return {
    record: (pod, type, reason, message, container) => {
      const fieldPath = container ? `spec.${fieldOf(pod, container.name)}{${container.name}}` : undefined;
      events.record(pod, type, reason, message, fieldPath);
    },
  };
}

import { isKind, messageOf } from '../../base/errors.ts';
import type { Log } from '../../base/log.ts';
import type { Engine } from '../../engine/engine.ts';
import { podLabels } from './pod/observed.ts';

const concerning = new Set(['start', 'die', 'oom', 'destroy', 'restart']);

/** Tells of every change to a pod's containers, whoever caused it. Runs until the signal aborts. */
export async function followEngine(
  engine: Engine,
  changed: (key: string, cause: string) => void,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  try {
    for await (const event of engine.events.stream({}, signal)) {
      if (event.type !== 'container' || !concerning.has(event.action)) continue;
      const key = podKey(event.attributes);
      if (key) changed(key, `container ${event.action}`);
    }
  } catch (error) {
    if (!isKind(error, 'canceled')) log.error({ error: messageOf(error) }, 'engine events ended');
  }
}

/** From the container's labels, which events carry as attributes, or from its name: `k8s_<container>_<pod>_<namespace>_…`. */
function podKey(attributes: Readonly<Record<string, string>>): string | undefined {
  const [namespace, name] = [attributes[podLabels.namespace], attributes[podLabels.name]];
  if (namespace && name) return `${namespace}/${name}`;
  const [prefix, , pod, of] = (attributes['name'] ?? '').split('_');
  return prefix === 'k8s' && pod && of ? `${of}/${pod}` : undefined;
}

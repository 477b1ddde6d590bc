import { isKind } from '../../../base/errors.ts';
import type { Engine } from '../../../engine/engine.ts';

/** The engine network that every pod is on. */
export const podNetworkName = 'pods';

/** Makes the pods' network unless it is there: one bridge, open to the host, to the other pods and to Services. */
export async function ensurePodNetwork(engine: Engine, podCidr: string, bridgeName: string): Promise<void> {
  try {
    await engine.networks.get(podNetworkName);
  } catch (error) {
    if (!isKind(error, 'notFound')) throw error;
    await engine.networks.create({
      name: podNetworkName,
      driver: 'bridge',
      pools: [{ subnet: podCidr }],
      ingress: 'open',
      options: { 'com.docker.network.bridge.name': bridgeName },
    });
  }
}

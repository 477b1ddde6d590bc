import { type Config, loadConfig } from './config.ts';
import { detectNodeIp } from './detect.ts';

/** The configuration of this machine from flags, environment and what the last `davit up` wrote. */
export function machineConfig(flags: Partial<Config>): Config {
  return loadConfig(flags, process.env, { nodeIp: detectNodeIp() });
}

/** A test run that ends without cleaning up: what it made is the reaper's. Says what it made. */
import { GenericContainer, Network } from 'testcontainers';

const network = await new Network().start();
const container = await new GenericContainer('busybox:test')
  .withCommand(['sleep', '1000'])
  .withNetwork(network)
  .withBindMounts([])
  .withTmpFs({ '/scratch': 'rw' })
  .start();
console.log(JSON.stringify({ container: container.getId(), network: network.getId() }));
process.exit(0);

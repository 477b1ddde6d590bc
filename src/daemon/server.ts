import { serveApi } from '../kubernetes/apiserver/serve.ts';
import { startControllers } from '../kubernetes/controllers/start.ts';
import { metricsResources } from '../kubernetes/apiserver/metrics-resources.ts';
import { podTotals } from '../kubernetes/metrics/usage.ts';
import { announceDns } from '../kubernetes/dns/announce.ts';
import { answerHistory } from '../explain/answer-history.ts';
import { answerWhy } from '../explain/answer-why.ts';
import { startScheduler } from '../kubernetes/scheduler/start.ts';
import type { Log } from '../base/log.ts';
import { openHistory } from './open-history.ts';
import { openAudit } from './open-audit.ts';
import type { Config } from './config.ts';
import { loadCredentials } from './credentials.ts';
import { foreground } from './foreground.ts';
import { machineConfig } from './load.ts';
import { createLog } from './log.ts';
import { openServerStore } from './server-store.ts';
import { usageMeter } from './usage-meter.ts';

/** `davit server`: API server, store, scheduler and controllers. */
export async function runServer(flags: Partial<Config>): Promise<void> {
  process.title = 'davit server';
  const config = machineConfig(flags);
  const log = createLog('server');
  await foreground('server', config.runRoot, log, () => startServer(config, log));
}

async function startServer(config: Config, log: Log): Promise<AsyncDisposable & { readonly sockets: readonly string[] }> {
  await using starting = new AsyncDisposableStack();
  const credentials = await loadCredentials(config);
  const store = starting.use(await openServerStore(config, log.child({ part: 'store' })));
  const audit = await openAudit(config, log.child({ part: 'audit' }));
  if (audit) starting.use(audit);
  const api = starting.use(
    await serveApi({
      store,
      address: '0.0.0.0',
      port: config.apiPort,
      tls: { ca: credentials.ca, ...credentials.server },
      kubeletTls: { ca: credentials.ca, ...credentials.kubeletClient },
      audit,
      frontProxy: credentials.frontProxy,
      tokenKey: credentials.tokenKey,
      sign: credentials.sign,
      serviceCidr: config.serviceCidr,
      nodeIp: config.nodeIp,
      log: log.child({ part: 'apiserver' }),
    }),
  );
  const history = starting.use(await openHistory(`${config.dataRoot}/history`, log.child({ part: 'history' })));
  const measure = usageMeter(api.client, { ca: credentials.ca, ...credentials.kubeletClient });
  api.addLive(...metricsResources(api.client, measure));
  await announceDns({ client: api.client, address: config.clusterDns, port: 53 });
  starting.use(
    await startControllers({
      client: api.client,
      log: log.child({ part: 'controllers' }),
      rootCa: credentials.ca,
      volumesFolder: `${config.dataRoot}/persistent-volumes`,
      balancerPool: config.loadBalancerPool,
      usage: async () => podTotals(await measure()),
      record: history.record,
    }),
  );
  const scheduler = starting.use(
    await startScheduler({ client: api.client, log: log.child({ part: 'scheduler' }), record: history.record }),
  );
  api.answers.set('why', answerWhy({ client: api.client, reader: api.reader, scheduler }));
  api.answers.set('history', answerHistory(api.reader, history.lines));
  const running = starting.move();
  return { sockets: [`https://127.0.0.1:${config.apiPort}`], [Symbol.asyncDispose]: () => running.disposeAsync() };
}

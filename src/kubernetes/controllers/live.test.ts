import { liveServer } from '../apiserver/live.fake.ts';
import type { Client } from '../client/client.ts';
import { clientSuite } from '../client/client.suite.ts';
import { httpClient } from '../client/http-client.ts';
import { controllersSuite } from './controllers.suite.ts';

interface Live extends AsyncDisposable {
  readonly client: Client;
}

async function inProcess(): Promise<Live> {
  const server = await liveServer();
  return { client: server.api.client, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

async function overHttps(): Promise<Live> {
  const server = await liveServer();
  const client = httpClient({ server: server.api.url, ca: server.ca, ...server.admin });
  return {
    client,
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

clientSuite('API server in process', inProcess);
clientSuite('API server over HTTPS', overHttps);
controllersSuite('API server in process', inProcess);
controllersSuite('API server over HTTPS', overHttps);

import * as shape from '../../api/docker/shape.ts';
import { KindError } from '../../base/errors.ts';
import { jsonBody, param, type Call } from '../call.ts';
import { credentialsOf, parseRegistryAuth } from '../parse/registry-auth.ts';
import type { Route } from '../router.ts';

/** What is asked of registries without moving images. */
export const registryRoutes: readonly Route[] = [
  { method: 'POST', pattern: '/auth', handle: login },
  { method: 'GET', pattern: '/distribution/:name*/json', handle: inspectRemote },
];

const authShape = shape.record({
  username: shape.text,
  password: shape.text,
  auth: shape.text,
  serveraddress: shape.text,
  identitytoken: shape.text,
  registrytoken: shape.text,
});

async function login(call: Call): Promise<void> {
  const config = await jsonBody(call, authShape);
  const credentials = credentialsOf(config);
  if (!credentials) throw new KindError('invalid', 'login: a user name and a password (or a token) are needed');
  await call.engine.images.login(config.serveraddress ?? '', credentials, call.signal);
  call.reply.json({ Status: 'Login Succeeded', IdentityToken: '' });
}

async function inspectRemote(call: Call): Promise<void> {
  const credentials = parseRegistryAuth(call.request.headers['x-registry-auth']);
  const { descriptor, platforms } = await call.engine.images.inspectRemote(param(call, 'name'), credentials, call.signal);
  call.reply.json({ Descriptor: descriptor, Platforms: platforms });
}

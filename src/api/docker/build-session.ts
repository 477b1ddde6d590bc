import { flag, list, map, record, text, type Of } from './shape.ts';

/**
 * `davit build` over davit's socket: what the classic `POST /build` cannot carry. Same query, then an upgraded
 * connection with channels (base/channels.ts):
 *
 *   POST /davit/build?t=app&…   Upgrade: tcp
 *   client ── channel 0: the header, one line of JSON ─► server
 *   client ── channels 1…: the context, then the named contexts that are directories, tars one after the other
 *   client ◄── channel 0: one JSON message a line ── server
 *   client ◄──► channels from 1000 on: a connection to the client's ssh agent that message `agent` opens
 */
export const headerShape = record({
  /** Whether channel 1 carries the context's tar; not with a remote one. */
  hasContext: flag,
  /** A Dockerfile from outside the context. */
  dockerfile: text,
  /** The ignore file beside it. */
  ignore: text,
  /** Name → `tar` (a channel), `image:NAME` or `remote:URL`. */
  contexts: list(list(text)),
  /** ID → base64. */
  secrets: map(text),
  /** IDs of agents that the client has. */
  agents: list(text),
});

export type BuildHeader = Of<typeof headerShape>;

export const [controlChannel, firstContextChannel, firstAgentChannel] = [0, 1, 1000] as const;

export type SessionMessage =
  /** As the engine tells of a build. */
  | { readonly event: unknown }
  | { readonly imageId: string }
  /** The end of a build that was only checked. */
  | { readonly checked: unknown }
  | { readonly agent: { readonly id: string; readonly channel: number } }
  | { readonly error: { readonly message: string; readonly kind: string; readonly details?: unknown } };

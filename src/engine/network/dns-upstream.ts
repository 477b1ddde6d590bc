import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { randomInt } from 'node:crypto';
import { decode, encode, type Answer, type Packet, type Question } from 'dns-packet';
import { framed, framesOf } from './dns-frames.ts';
import { ednsOf, isTruncated, rcode, rcodeOf, type ReplyParts } from './dns-message.ts';

export interface UpstreamOptions {
  /** Answers kept at most. */
  readonly cacheSize: number;
  /** All servers are asked at once, again after this long, and given up after `giveUpMs`. */
  readonly againMs: number;
  readonly giveUpMs: number;
  /** Questions under way at most; more are refused at once. */
  readonly concurrency: number;
  readonly port: number;
}

const defaults: UpstreamOptions = { cacheSize: 2000, againMs: 600, giveUpMs: 2500, concurrency: 500, port: 53 };
/** However long a server says that an answer holds. */
const longestTtl = 3600;

interface Kept {
  readonly parts: ReplyParts;
  readonly storedAt: number;
  readonly expiresAt: number;
}

/** Asks other name servers, and remembers for as long as they say. */
export class DnsUpstream implements Disposable {
  readonly #options: UpstreamOptions;
  /** In order of last use. */
  readonly #cache = new Map<string, Kept>();
  readonly #underWay = new Map<string, Promise<ReplyParts>>();
  readonly #closing = new AbortController();

  constructor(options: Partial<UpstreamOptions> = {}) {
    this.#options = { ...defaults, ...options };
  }

  get size(): number {
    return this.#cache.size;
  }

  /** Never rejects: SERVFAIL when nobody answers. */
  async ask(query: Packet, servers: readonly string[]): Promise<ReplyParts> {
    const [question] = query.questions ?? [];
    if (!question || servers.length === 0) return { code: rcode.serverFailure };
    const wantsSignatures = (ednsOf(query) as { flag_do?: boolean } | undefined)?.flag_do === true;
    const key = `${question.type} ${question.class ?? 'IN'} ${question.name.toLowerCase()} ${wantsSignatures} ${servers.join()}`;
    const kept = this.#recall(key);
    if (kept) return kept;
    const running = this.#underWay.get(key);
    if (running) return running;
    if (this.#underWay.size >= this.#options.concurrency) return { code: rcode.serverFailure };
    const asking = this.#askAll(question, wantsSignatures, servers).finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, asking);
    const parts = await asking;
    this.#remember(key, parts);
    return parts;
  }

  [Symbol.dispose](): void {
    this.#closing.abort();
  }

  /** The first good answer of any server; an answer that is a failure counts only when no better comes. */
  async #askAll(question: Question, wantsSignatures: boolean, servers: readonly string[]): Promise<ReplyParts> {
    const won = new AbortController();
    const limit = AbortSignal.any([won.signal, this.#closing.signal, AbortSignal.timeout(this.#options.giveUpMs)]);
    const ask = async (server: string): Promise<Packet> => {
      const answer = await this.#askOne(question, wantsSignatures, server, limit);
      if (![rcode.none, rcode.nameError].includes(rcodeOf(answer) as 0)) throw new Error(`${server} answers with code ${rcodeOf(answer)}`);
      return answer;
    };
    try {
      return partsOf(await Promise.any(servers.map(ask)));
    } catch {
      return { code: rcode.serverFailure };
    } finally {
      won.abort();
    }
  }

  async #askOne(question: Question, wantsSignatures: boolean, server: string, signal: AbortSignal): Promise<Packet> {
    const id = randomInt(0x1_0000);
    const edns = { type: 'OPT', name: '.', udpPayloadSize: 1232, flags: wantsSignatures ? 0x8000 : 0, options: [] } as unknown as Answer;
    const packet = encode({ type: 'query', id, flags: 0x100, questions: [question], additionals: [edns] });
    const answer = await this.#overUdp(packet, id, question, server, signal);
    return isTruncated(answer) ? this.#overTcp(packet, server, signal) : answer;
  }

  /** A socket, thus a port, of its own per question: whoever wants to answer in the server's place must guess it and the ID. */
  async #overUdp(packet: Buffer, id: number, question: Question, server: string, signal: AbortSignal): Promise<Packet> {
    const socket = createSocket(server.includes(':') ? 'udp6' : 'udp4');
    const { promise, resolve, reject } = Promise.withResolvers<Packet>();
    const send = (): void => socket.send(packet, (error) => error && reject(error));
    const onAbort = (): void => reject(new Error('no answer'));
    signal.addEventListener('abort', onAbort, { once: true });
    socket.on('error', reject);
    socket.on('message', (message) => {
      const answer = decodeOr(message);
      const [asked] = answer?.questions ?? [];
      if (answer?.id === id && asked?.name.toLowerCase() === question.name.toLowerCase() && asked.type === question.type) resolve(answer);
    });
    let again: NodeJS.Timeout | undefined;
    socket.connect(this.#options.port, server, () => {
      send();
      again = setInterval(send, this.#options.againMs);
    });
    try {
      return await promise;
    } finally {
      clearInterval(again);
      signal.removeEventListener('abort', onAbort);
      socket.close();
    }
  }

  async #overTcp(packet: Buffer, server: string, signal: AbortSignal): Promise<Packet> {
    const socket = createConnection({ host: server, port: this.#options.port, signal });
    try {
      await once(socket, 'connect', { signal });
      socket.write(framed(packet));
      for await (const message of framesOf(socket)) return decode(message);
      throw new Error('no answer');
    } finally {
      socket.destroy();
    }
  }

  /** With the time that has passed taken off. */
  #recall(key: string): ReplyParts | undefined {
    const kept = this.#cache.get(key);
    if (!kept) return undefined;
    this.#cache.delete(key);
    const now = Date.now();
    if (now >= kept.expiresAt) return undefined;
    this.#cache.set(key, kept);
    const passed = Math.floor((now - kept.storedAt) / 1000);
    const aged = (records: readonly Answer[] = []): readonly Answer[] =>
      records.map((record) =>
        'ttl' in record && record.ttl !== undefined ? { ...record, ttl: Math.max(1, record.ttl - passed) } : record,
      );
    const { code = 0, answers, authorities, additionals } = kept.parts;
    return { code, answers: aged(answers), authorities: aged(authorities), additionals: aged(additionals) };
  }

  #remember(key: string, parts: ReplyParts): void {
    const seconds = Math.min(longestTtl, lifetimeOf(parts));
    if (seconds <= 0) return;
    this.#cache.set(key, { parts, storedAt: Date.now(), expiresAt: Date.now() + seconds * 1000 });
    while (this.#cache.size > this.#options.cacheSize) this.#cache.delete(this.#cache.keys().next().value ?? '');
  }
}

/** Our own EDNS record goes in place of the server's. */
function partsOf(answer: Packet): ReplyParts {
  const withoutEdns = (answer.additionals ?? []).filter(({ type }) => type !== 'OPT');
  return { code: rcodeOf(answer), answers: answer.answers ?? [], authorities: answer.authorities ?? [], additionals: withoutEdns };
}

/** Seconds: the shortest of the answers; that there is none holds as long as the zone's SOA says (RFC 2308); failures are not kept. */
function lifetimeOf({ code = 0, answers = [], authorities = [] }: ReplyParts): number {
  if (code !== rcode.none && code !== rcode.nameError) return 0;
  if (answers.length > 0) return Math.min(...answers.map((record) => ('ttl' in record ? (record.ttl ?? 0) : 0)));
  const soa = authorities.find(({ type }) => type === 'SOA');
  if (soa?.type !== 'SOA') return 0;
  return Math.min(soa.ttl ?? 0, soa.data.minimum ?? 0);
}

function decodeOr(message: Buffer): Packet | undefined {
  try {
    return decode(message);
  } catch {
    return undefined;
  }
}

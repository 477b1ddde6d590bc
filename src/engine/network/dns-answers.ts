/** Packets, each with its two bytes of ID in front. */
const idBytes = 2;
/** Clients that add something different to each question (EDNS cookies) must not fill the memory. */
const limit = 2000;

/** Answers by who asked and what, byte for byte but for the ID: a question that is asked again costs no decoding. */
export class DnsAnswers {
  readonly #answers = new Map<string, Buffer>();

  find(asker: string, question: Buffer): Buffer | undefined {
    const known = this.#answers.get(keyOf(asker, question));
    if (!known) return undefined;
    // The one handed out before may still wait to be sent.
    const answer = Buffer.from(known);
    question.copy(answer, 0, 0, idBytes);
    return answer;
  }

  keep(asker: string, question: Buffer, answer: Buffer): void {
    if (this.#answers.size >= limit) this.#answers.clear();
    this.#answers.set(keyOf(asker, question), answer);
  }
}

function keyOf(asker: string, question: Buffer): string {
  return asker + question.toString('latin1', idBytes);
}

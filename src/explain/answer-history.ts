import { KindError } from '../base/errors.ts';
import type { ObjectReader } from '../kubernetes/client/object-reader.ts';
import { historyOf, type History } from './history.ts';
import { kindNamed } from './stuck/why-stuck.ts';

/** Answers `/davit/history/<kind>/<namespace>/<name>[/<since, RFC 3339>]`, also of what is long gone. */
export function answerHistory(reader: ObjectReader, lines: () => AsyncIterable<string>): (rest: readonly string[]) => Promise<History> {
  return async ([type = '', namespace = '', name = '', since]) => {
    const kind = kindNamed(reader.kinds(), type);
    if (name === '') throw new KindError('invalid', 'history: want a kind, a namespace and a name');
    return historyOf(lines(), { kind: kind.kind, key: kind.namespaced ? `${namespace}/${name}` : name }, since);
  };
}

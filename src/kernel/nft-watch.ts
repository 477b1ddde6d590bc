/** Tells when somebody else changes one table of nftables. */
export interface NftWatch extends Disposable {
  /** Runs a write of ours that makes at most `commits` transactions in the table; what it does is not told, what others do meanwhile is. */
  own<T>(commits: number, write: () => Promise<T>): Promise<T>;
}

/** Pure: the announcements of one transaction end with its generation; `touched` counts the transactions that named the table. */
export interface NftCommits {
  readonly touched: number;
  /** The transaction whose end is still to come named the table. */
  readonly isOpen: boolean;
}

const [nftables, newGeneration] = [10, 15];

/** Counts on through a buffer of whole messages: each a header of 16 bytes, family, two bytes, two more, then attributes, of which the first (type 1) is the table's name. */
export function countCommits(data: Buffer, family: number, table: string, before: boolean): NftCommits {
  const name = Buffer.from(`${table}\0`);
  let [touched, isOpen] = [0, before];
  for (let at = 0; at + 16 <= data.length;) {
    const length = data.readUInt32LE(at);
    if (length < 16) break;
    const type = data.readUInt16LE(at + 4);
    if (type === ((nftables << 8) | newGeneration)) {
      if (isOpen) touched += 1;
      isOpen = false;
    } else if (type >> 8 === nftables && data[at + 16] === family && firstName(data, at).equals(name)) isOpen = true;
    at += (length + 3) & ~3;
  }
  return { touched, isOpen };
}

function firstName(data: Buffer, message: number): Buffer {
  const attribute = message + 20;
  const isName = attribute + 4 <= data.length && (data.readUInt16LE(attribute + 2) & 0x3fff) === 1;
  return isName ? data.subarray(attribute + 4, attribute + data.readUInt16LE(attribute)) : Buffer.alloc(0);
}

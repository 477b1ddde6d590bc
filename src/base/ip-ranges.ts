interface Range {
  readonly first: number;
  readonly last: number;
}

/** CIDRs without those that lie within another: an nftables set of ranges refuses overlaps. `10.0.0.0/8 10.1.0.0/16` → `10.0.0.0/8`. */
export function widestRanges(cidrs: readonly string[]): readonly string[] {
  const ranges = cidrs.map((cidr) => ({ cidr: normal(cidr.trim()), ...rangeOf(cidr.trim()) }));
  const widest = ranges.filter(
    (one, index) =>
      !ranges.some(
        (other, at) =>
          at !== index &&
          other.first <= one.first &&
          other.last >= one.last &&
          (at < index || other.first < one.first || other.last > one.last),
      ),
  );
  return widest.map(({ cidr }) => cidr);
}

function rangeOf(cidr: string): Range {
  const [address = '', bits = '32'] = cidr.split('/');
  const size = 2 ** (32 - Number(bits));
  const number = address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  const first = number - (number % size);
  return { first, last: first + size - 1 };
}

/** The network's own address: `10.1.2.3/8` → `10.0.0.0/8`. */
function normal(cidr: string): string {
  const { first } = rangeOf(cidr);
  return `${[24, 16, 8, 0].map((shift) => Math.floor(first / 2 ** shift) % 256).join('.')}/${cidr.split('/')[1] ?? '32'}`;
}

/** The known name that was most likely meant: two slips of the finger away at most, and not half of the word. Pure. */
export function nearest(wanted: string, names: readonly string[]): string | undefined {
  const limit = Math.min(2, Math.floor(wanted.length / 2));
  const scored = [...new Set(names)].map((name) => ({ name, slips: slips(wanted, name) })).filter((each) => each.slips <= limit);
  return scored.toSorted((a, b) => a.slips - b.slips)[0]?.name;
}

/** Letters put in, left out, exchanged, or swapped with their neighbour (Damerau–Levenshtein, restricted). */
function slips(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, index) => index)];
  const at = (i: number, j: number): number => rows[i]?.[j] ?? 0;
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    rows.push(row);
    for (let j = 1; j <= b.length; j++) {
      const exchange = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row.push(Math.min(at(i - 1, j) + 1, at(i, j - 1) + 1, exchange, isSwap ? at(i - 2, j - 2) + 1 : Infinity));
    }
  }
  return at(a.length, b.length);
}

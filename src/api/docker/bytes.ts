const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];

/** As Docker's clients write sizes: four digits at most, powers of 1000: `12.34MB`. */
export function byteText(bytes: number): string {
  let [value, unit] = [bytes, 0];
  while (value >= 1000 && unit < units.length - 1) [value, unit] = [value / 1000, unit + 1];
  return `${Number(value.toPrecision(4))}${units[unit] ?? ''}`;
}

// What follows the delimiter in a local part: `ann+lists@` is `ann@`, unless there is such an address itself.

/** The key of an address without it; undefined where there is none. */
export function withoutDetail(key: string, delimiter: string): string | undefined {
  const cut = delimiter === '' ? -1 : key.indexOf(delimiter);
  const at = key.lastIndexOf('@');
  return cut > 0 && cut < at ? key.slice(0, cut) + key.slice(at) : undefined;
}

// Names of folders: levels with '/' between them.

/** RFC 9051 §5.1: INBOX is the same in any case. Here, as the first of several levels, too. */
export const folderPath = (path: string): string =>
  /^inbox(?![^/])/i.test(path) ? `INBOX${path.slice(5)}` : path;

/** Nearest last: 'a/b/c' has 'a' and 'a/b' above it. */
export function superiorsOf(path: string): string[] {
  const superiors: string[] = [];
  for (let at = path.indexOf('/'); at !== -1; at = path.indexOf('/', at + 1))
    superiors.push(path.slice(0, at));
  return superiors;
}

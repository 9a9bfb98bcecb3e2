// Why a file cannot be read, and what to do. No message of the system's is shown: it repeats the path, and what was
// written in its place may be a secret.

export function whyUnreadable(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOENT':
      return 'there is no such file';
    case 'EACCES':
      return 'may not be read by us; check its owner and mode';
    case 'EISDIR':
      return 'is a directory or the like; name a file';
    default:
      return code === undefined ? 'cannot be read' : `cannot be read (${code})`;
  }
}

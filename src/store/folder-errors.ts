// What a FolderStore does not do, and why.

/** RFC 9051 §7.1 TRYCREATE: the folder a message was to be stored in does not exist. */
export class NoSuchFolderError extends Error {
  override readonly name = 'NoSuchFolderError';

  static of(account: string, folder: string): NoSuchFolderError {
    return new NoSuchFolderError(`${account} has no folder ${folder}`);
  }
}

/** RFC 5530 ALREADYEXISTS. */
export class FolderExistsError extends Error {
  override readonly name = 'FolderExistsError';
}

/** RFC 5530 OVERQUOTA. */
export class OverQuotaError extends Error {
  override readonly name = 'OverQuotaError';
}

/** RFC 5530 LIMIT: too many folders, keywords or annotations, or too large ones. */
export class MailboxLimitError extends Error {
  override readonly name = 'MailboxLimitError';
}

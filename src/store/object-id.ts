// The names by which clients of every protocol know a message and a folder: letters and digits, the
// same for as long as what they name lives, and never another's. RFC 8474 §4 and §5.

/** EMAILID: shared by the copies of a message. Also POP3's UIDL and the id in `mail list`. */
export const emailId = (email: number): string => `m${email.toString(36)}`;

/** Undefined for what emailId() never writes. */
export function emailOf(id: string): number | undefined {
  if (!/^m[0-9a-z]{1,11}$/.test(id)) return undefined;
  const email = Number.parseInt(id.slice(1), 36);
  return Number.isSafeInteger(email) ? email : undefined;
}

/** MAILBOXID: the same whatever the folder is called. */
export const mailboxId = (folder: number): string => `F${folder}`;

// What an account may have, and what is remembered of what it had.

// Limit: what an account may have; a client that makes more than this is at fault.
export const foldersMax = 5000;
export const pathCharactersMax = 1000;
export const subscriptionsMax = 10_000;
// Limit: entries of one access list.
export const aclEntriesMax = 1000;
// Limit: RFC 5464 §4.3: annotations of one folder or account, and octets of one of them.
export const annotationsMax = 1000;
export const annotationBytesMax = 64 * 2 ** 10;

// Limit: tombstones of a mailbox, 30 octets each; and how many more there may be before the oldest are
// dropped, so that this is rare. Who asks for changes from before them begins anew.
export const tombstonesMax = 100_000;
export const tombstonesSlack = 10_000;

// Limit: expunges that a folder remembers (RFC 7162 §3.2.5.2), 24 octets each; and how many more
// there may be before the oldest are dropped, so that this is rare.
export const expungesMax = 100_000;
export const expungesSlack = 10_000;

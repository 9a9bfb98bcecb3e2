// A sender without what changes from one day to the next: tags against backscatter (BATV) and of mail that was sent on
// (SRS). Whoever remembers senders, or has rules about them, means the address behind.

/** Nobody vouches for a tag of others: it is a name as they write it, like the rest. */
export const stableSender = (address: string): string =>
  address.replace(/^(?:prvs=[^=@]*=|SRS[01][=+-][^=@]*=[^=@]*=)/i, '').toLowerCase();

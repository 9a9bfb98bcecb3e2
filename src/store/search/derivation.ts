// How messages are read, for what is derived from them.

/**
 * Raised whenever the same message gives something else, such as by better reading of charsets or
 * headers: what is there goes on being used until it has been derived anew, when nobody waits.
 */
export const derivation = 4;

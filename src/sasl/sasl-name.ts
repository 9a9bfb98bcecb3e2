// Names inside GS2 headers and SCRAM messages, where a comma ends a name. RFC 5801 §4, RFC 5802 §7.

/** saslname = 1*(value-safe-char / "=2C" / "=3D"), as the source of a regular expression. */
export const saslName = '(?:[^\\0=,]|=2C|=3D)+';

export const escapeName = (name: string): string =>
  name.replaceAll('=', '=3D').replaceAll(',', '=2C');

export const unescapeName = (name: string): string =>
  name.replaceAll('=2C', ',').replaceAll('=3D', '=');

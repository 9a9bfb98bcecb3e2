// What a server and a filter agree on before anything else: the version, what the filter may change, which
// steps it does not want to see or does not answer, and the macros it wants with each. We offer all there
// is; the filter answers with what it needs of it. Version 6, and down to version 2.

import {
  command,
  type Frame,
  formatFrame,
  formatNumber,
  MilterError,
  parseNumber,
  parseTexts,
} from './frame.ts';

/** What a filter may change: SMFIF_… */
export const actions = {
  addHeader: 0x001,
  changeBody: 0x002,
  addRecipient: 0x004,
  deleteRecipient: 0x008,
  changeHeader: 0x010,
  quarantine: 0x020,
  changeSender: 0x040,
  addRecipientWithParams: 0x080,
  /** It says which macros it wants. */
  setMacros: 0x100,
} as const;

/** How the steps differ from all of them with an answer for each: SMFIP_… */
export const steps = {
  noConnect: 0x000001,
  noHello: 0x000002,
  noMail: 0x000004,
  noRcpt: 0x000008,
  noBody: 0x000010,
  noHeader: 0x000020,
  noEndOfHeader: 0x000040,
  silentHeader: 0x000080,
  noUnknown: 0x000100,
  noData: 0x000200,
  /** "That is enough" may be said of recipients, fields and the body. */
  skip: 0x000400,
  /** Recipients that the server refused are shown, too. */
  refusedRcpt: 0x000800,
  silentConnect: 0x001000,
  silentHello: 0x002000,
  silentMail: 0x004000,
  silentRcpt: 0x008000,
  silentData: 0x010000,
  silentUnknown: 0x020000,
  silentEndOfHeader: 0x040000,
  silentBody: 0x080000,
  /** The space behind a field's colon belongs to its value. */
  leadingSpace: 0x100000,
} as const;

/** The steps that macros go with, as SETSYMLIST numbers them: SMFIM_… */
export const macroStages = [
  'connect',
  'hello',
  'mail',
  'rcpt',
  'data',
  'endOfMessage',
  'endOfHeader',
] as const;
export type MacroStage = (typeof macroStages)[number];

/** As Postfix sends them, and what it knows of the client. */
const usualMacros: Readonly<Record<MacroStage, string>> = {
  connect:
    'j {daemon_name} {daemon_addr} {daemon_port} v _ {client_addr} {client_name} {client_port} {client_ptr}',
  hello: '{tls_version} {cipher} {cipher_bits} {cert_subject} {cert_issuer}',
  mail: 'i {auth_type} {auth_authen} {auth_author} {mail_addr} {mail_host} {mail_mailer}',
  rcpt: 'i {rcpt_addr} {rcpt_host} {rcpt_mailer}',
  data: 'i',
  endOfHeader: 'i',
  endOfMessage: 'i',
};

export interface Terms {
  readonly version: number;
  readonly actions: number;
  readonly steps: number;
  /** The names for each step, in order. */
  readonly macros: Readonly<Record<MacroStage, readonly string[]>>;
  /** Octets of the body in one frame. */
  readonly bodyBytesMax: number;
}

const versionMax = 6;
const allOf = (bits: Readonly<Record<string, number>>) =>
  Object.values(bits).reduce((sum, bit) => sum | bit, 0);
const allActions = allOf(actions);
const allSteps = allOf(steps);

/** How large pieces of a body may be, beside the usual: SMFIP_MDS_… Not steps, though in the same number. */
const pieceBits = 0x70000000;
const pieces256KiB = 0x10000000;
const pieces1MiB = 0x20000000;

/** Octets of the body in one frame. More is offered to whoever wants it: libmilter takes it for all its servers. */
export type PieceBytes = 65_535 | 262_143 | 1_048_575;

const pieceBitsOf = (bytes: PieceBytes): number =>
  bytes === 65_535 ? 0 : bytes === 262_143 ? pieces256KiB : pieces256KiB | pieces1MiB;

export const formatOffer = (pieceBytes: PieceBytes): Buffer =>
  formatFrame(
    command.negotiate,
    formatNumber(versionMax),
    formatNumber(allActions),
    formatNumber(allSteps | pieceBitsOf(pieceBytes)),
  );

/** @throws MilterError */
export function parseTerms({ code, data }: Frame, offered: PieceBytes): Terms {
  if (code !== command.negotiate) throw new MilterError(`'${code}' instead of a negotiation`);
  const [version, wanted, answered] = [0, 4, 8].map((at) => parseNumber(data, at)) as [
    number,
    number,
    number,
  ];
  if (version < 2 || version > versionMax) throw new MilterError(`version ${version}`);
  if ((wanted & ~allActions) !== 0) throw new MilterError('it wants to do what was not offered');
  if ((answered & ~allSteps & ~pieceBits) !== 0)
    throw new MilterError('it wants steps that were not offered');
  return {
    version,
    actions: wanted,
    // Whoever speaks an older version has never heard of these.
    steps:
      (answered & allSteps) |
      (version < 3 ? steps.noUnknown : 0) |
      (version < 4 ? steps.noData : 0),
    macros: macrosOf(data),
    bodyBytesMax: pieceBytesOf(answered & pieceBitsOf(offered)),
  };
}

const pieceBytesOf = (bits: number): PieceBytes =>
  (bits & pieces1MiB) !== 0 ? 1_048_575 : (bits & pieces256KiB) !== 0 ? 262_143 : 65_535;

/** A number of a step and a list of names, again and again. A step that is not named gets the usual. */
function macrosOf(data: Buffer): Terms['macros'] {
  const lists = { ...usualMacros };
  let at = 12;
  while (at + 4 < data.length) {
    const stage = macroStages[parseNumber(data, at)];
    const [names] = parseTexts(data, at + 4);
    at += 4 + names!.length + 1;
    if (stage !== undefined) lists[stage] = names!.toString('latin1');
  }
  const split = (stage: MacroStage) => [
    ...new Set(lists[stage].split(/[\s,]+/).filter((name) => name !== '')),
  ];
  return Object.fromEntries(macroStages.map((stage) => [stage, split(stage)])) as unknown as Record<
    MacroStage,
    readonly string[]
  >;
}

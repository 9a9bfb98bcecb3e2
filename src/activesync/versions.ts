// Versions of the protocol, and what is called in it: [MS-ASHTTP] 2.2.1.1.1.1.2 has the numbers that commands have in
// a base64 query, 2.2.4.1.2 what OPTIONS says.

/** The oldest first. Before 12.1 bodies, keys and errors were another protocol. */
export const versions = ['12.1', '14.0', '14.1', '16.0', '16.1'] as const;
export type Version = (typeof versions)[number];

export const isVersion = (text: string): text is Version =>
  (versions as readonly string[]).includes(text);

export const isAtLeast = (version: Version, wanted: Version): boolean =>
  versions.indexOf(version) >= versions.indexOf(wanted);

/** By their numbers; undefined is a command that is not answered here. */
const byCode = [
  ...['Sync', 'SendMail', 'SmartForward', 'SmartReply', 'GetAttachment'],
  ...[undefined, undefined, undefined, undefined, 'FolderSync', 'FolderCreate', 'FolderDelete'],
  ...['FolderUpdate', 'MoveItems', 'GetItemEstimate', 'MeetingResponse', 'Search', 'Settings'],
  ...['Ping', 'ItemOperations', 'Provision', 'ResolveRecipients', 'ValidateCert', 'Find'],
] as const;

export type CommandName = Exclude<(typeof byCode)[number], undefined>;

export const commandNames: readonly CommandName[] = byCode.filter((name) => name !== undefined);

export const commandOf = (name: string): CommandName | undefined =>
  commandNames.find((known) => known === name);

export const commandAt = (code: number): CommandName | undefined => byCode[code];

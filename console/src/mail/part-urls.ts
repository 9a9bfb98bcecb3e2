// Where on the server a message's HTML, parts and source are: under the path of the message itself, which the owner of an
// account asks for otherwise than an administrator (src/web/mail-frame.ts).

export const htmlUrl = (at: string, { remote }: { readonly remote: boolean }): string =>
  `${at}/html${remote ? '?remote=1' : ''}`;

export const partUrl = (at: string, part: string): string =>
  `${at}/part/${encodeURIComponent(part)}`;

export const sourceUrl = (at: string): string => `${at}/source`;

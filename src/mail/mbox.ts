// Messages out of an mbox file, as many programs write them: each begins with a line `From ` behind an empty one, and
// lines of it that would look like that have a `>` in front (mboxrd, mboxo). RFC 4155 describes the format. A file
// that does not begin so is one message.

const lf = 0x0a;
const separator = Buffer.from('From ');

/** Views into the file, with `>From ` as it was meant; line ends stay as they are. */
export function* mboxMessages(file: Buffer): Iterable<Buffer> {
  if (!startsAt(file, 0)) {
    if (file.length > 0) yield file;
    return;
  }
  let start = 0;
  while (start < file.length) {
    const body = lineEnd(file, start);
    const next = nextSeparator(file, body);
    const message = unquoted(file.subarray(body, next));
    if (message.length > 0) yield message;
    start = next;
  }
}

const startsAt = (file: Buffer, at: number): boolean =>
  file.subarray(at, at + separator.length).equals(separator);

const lineEnd = (file: Buffer, from: number): number => {
  const end = file.indexOf(lf, from);
  return end < 0 ? file.length : end + 1;
};

/** Field: Thunderbird and others leave the empty line out at times, so a date at the end of the line says it, too. */
function nextSeparator(file: Buffer, from: number): number {
  let at = from;
  for (;;) {
    const found = file.indexOf('\nFrom ', at);
    if (found < 0) return file.length;
    const line = file.toString(
      'latin1',
      found + 1,
      Math.min(lineEnd(file, found + 1), found + 300),
    );
    const behindEmpty =
      file[found - 1] === lf || file.toString('latin1', found - 2, found) === '\n\r';
    if (behindEmpty || /\d\d:\d\d(?::\d\d)? .*\d{4}\s*$/.test(line)) return found + 1;
    at = found + 1;
  }
}

function unquoted(message: Buffer): Buffer {
  if (!message.includes('>From ')) return message;
  const text = message.toString('latin1').replace(/^>(>*From )/gm, '$1');
  return Buffer.from(text, 'latin1');
}

/** With CRLF, as mail is kept. RFC 5322 §2.3. */
export function asMail(message: Buffer): Buffer<ArrayBuffer> {
  const text = message.toString('latin1').replace(/\r?\n/g, '\r\n');
  return Buffer.from(text.endsWith('\r\n') ? text : `${text}\r\n`, 'latin1');
}

// JSON lines from a socket, one value at a time. Bounded: a line that is too long ends the reading.

/** Limit: the largest message that is imported, in base64 (`importedMax`), with room to spare. */
const lineBytesMax = 41 * 2 ** 20;

/** @throws Error for a line that is too long or no JSON. */
export async function* readJsonLines(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<unknown> {
  let parts: Uint8Array[] = [];
  let waiting = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
      parts.push(chunk.subarray(start, end));
      yield parse(Buffer.concat(parts).toString('utf8'));
      parts = [];
      waiting = 0;
      start = end + 1;
    }
    waiting += chunk.length - start;
    if (waiting > lineBytesMax) throw new Error('a line is too long');
    if (start < chunk.length) parts.push(chunk.subarray(start));
  }
}

/** The engine's own error quotes the text, and a password may be in it. */
function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new Error('a line is not JSON');
  }
}

// The body of a request, up to a limit that whoever reads it has to name.

import { HTTPException } from 'hono/http-exception';

/** @throws HTTPException 413 */
export async function readBody(request: Request, bytesMax: number): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let size = 0;
  const refuse = () => new HTTPException(413, { message: 'too large\n' });
  if (Number(request.headers.get('content-length') ?? 0) > bytesMax) throw refuse();
  for await (const piece of request.body ?? []) {
    size += piece.length;
    if (size > bytesMax) throw refuse();
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

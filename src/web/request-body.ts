// The body of a request, up to a limit that whoever reads it has to name.

import { HTTPException } from 'hono/http-exception';

/** A body that says that it is as short is read whole, without a stream of its own. Octets. */
const shortBytes = 64 * 2 ** 10;

/** @throws HTTPException 413, 400 where it broke off */
export async function readBody(request: Request, bytesMax: number): Promise<Buffer> {
  try {
    return await read(request, bytesMax);
  } catch (error) {
    if (error instanceof HTTPException) throw error;
    // Whoever sends it has left, or sends what is no HTTP: nothing went wrong here.
    throw new HTTPException(400, { message: 'the request broke off\n' });
  }
}

async function read(request: Request, bytesMax: number): Promise<Buffer> {
  const refuse = () => new HTTPException(413, { message: 'too large\n' });
  const length = request.headers.get('content-length');
  if (Number(length ?? 0) > bytesMax) throw refuse();
  if (length !== null && Number(length) <= shortBytes) {
    const body = Buffer.from(await request.arrayBuffer());
    if (body.length > bytesMax) throw refuse();
    return body;
  }
  // It lies where it is to be from the first piece on, rather than twice at its end.
  const whole = length === null ? undefined : Buffer.allocUnsafe(Number(length));
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of request.body ?? []) {
    size += piece.length;
    if (size > (whole?.length ?? bytesMax)) throw refuse();
    if (whole === undefined) pieces.push(piece);
    else whole.set(piece, size - piece.length);
  }
  return whole?.subarray(0, size) ?? Buffer.concat(pieces);
}

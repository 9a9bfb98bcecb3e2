// A request's body as JSON. Its type has to be said: a browser sends this one for another page only after it has
// asked whether it may, and it may not, so no form of theirs can ask.

import { refusal } from './asking.ts';
import { readBody } from './request-body.ts';

/** {} for none. @throws HTTPException 400, 413 */
export async function jsonBody(request: Request, bytesMax: number): Promise<unknown> {
  const body = await readBody(request, bytesMax);
  if (body.length > 0 && !/^application\/json\b/i.test(request.headers.get('content-type') ?? ''))
    throw refusal(400, 'the body is to be JSON, and Content-Type to say so');
  if (body.length === 0) return {};
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    throw refusal(400, 'the body is not JSON');
  }
}

// A body that does not come on is ended, however long one that does may take: a phone sends 30 MiB by radio for minutes.
// So is one that goes on behind its answer: whoever reads a body has a limit for it, and nobody reads this one.

import type { IncomingMessage, ServerResponse } from 'node:http';

export interface BodyPace {
  /** A body has as long for each `bodyBytes`, and for what is left of it. Milliseconds. */
  readonly requestMs: number;
  /** Octets, as they come from the network. */
  readonly bodyBytes: number;
}

/** Ends the connection when the body of the request falls behind, or outlasts its answer. */
export function endSlowBody(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { requestMs, bodyBytes }: BodyPace,
): void {
  const { headers, socket } = incoming;
  if (headers['transfer-encoding'] === undefined && !(Number(headers['content-length']) > 0))
    return;
  let before = socket.bytesRead;
  const timer = setInterval(() => {
    if (incoming.complete) clearInterval(timer);
    // Nobody has begun to read it: it waits for us.
    else if (
      incoming.readableLength >= incoming.readableHighWaterMark &&
      !outgoing.writableFinished
    )
      return;
    else if (outgoing.writableFinished || socket.bytesRead - before < bodyBytes) socket.destroy();
    before = socket.bytesRead;
  }, requestMs);
  timer.unref();
  incoming.once('close', () => clearInterval(timer));
}

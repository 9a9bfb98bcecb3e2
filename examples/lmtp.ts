// An LMTP receiver on a Unix socket (RFC 2033): the last hop behind Postfix, Exim or Postrider,
// with mail as function calls. `lmtp: '/run/mail.sock'` in a route leads here.
//   node examples/lmtp.ts PATH

import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { reply, SmtpServer } from 'postrider';

const [path = './lmtp.sock'] = process.argv.slice(2);

await new SmtpServer({
  service: 'lmtp',
  onRecipient: (to) => (to.local === 'ann' ? undefined : reply(550, '1.1', 'No such user')),
  async onMessage({ id, to, stream }) {
    // The 250 leaves when this resolves, so nothing is lost: what throws here is tried again later.
    await pipeline(stream(), createWriteStream(`${path}.${id}.eml`, { flush: true }));
    console.log(`stored ${id} for ${to.join(' ')}`);
  },
}).listen({ path });

console.log(`listening on ${path}`);

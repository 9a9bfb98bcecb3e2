// Delivers one message to a server and says what it answered.
//   node examples/send.ts HOST PORT FROM TO

import { sendMail } from 'postrider';

const [host = '127.0.0.1', port = '2525', from = 'me@example.org', to = 'ann@example.org'] =
  process.argv.slice(2);

await sendMail({
  host,
  port: Number(port),
  from,
  to,
  message: `From: ${from}\r\nTo: ${to}\r\nSubject: Hello\r\n\r\nIt works.\r\n`,
});
console.log('sent');

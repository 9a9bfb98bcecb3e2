// Receives mail and prints it: the ten lines of the README.
//   node examples/receive.ts [port]

import { reply, SmtpServer } from 'postrider';

const server = await new SmtpServer({
  onRecipient: (to) => (to.domain === 'example.org' ? undefined : reply(550, '7.1', 'Not here')),
  onMessage(message) {
    console.log(message.from, '→', ...message.to, message.subject);
  },
}).listen({ port: Number(process.argv[2] ?? 2525) });

console.log(`listening on 127.0.0.1:${server.port}`);

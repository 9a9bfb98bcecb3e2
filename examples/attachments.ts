// Takes messages apart: who wrote, the text, and what is attached.
//   node examples/attachments.ts [port]

import { SmtpServer } from 'postrider';

const server = await new SmtpServer({
  limits: { messageBytes: 10 * 2 ** 20 },
  async onMessage(message) {
    const [author] = message.addresses('from');
    const { plainText, attachments } = await message.parse();
    console.log(`${author?.name} <${author?.address}>: ${message.subject}`);
    console.log(plainText.trim());
    for (const attachment of attachments) {
      // A name is the sender's to choose: never write to it as a path.
      const { filename = 'no name', contentType } = attachment;
      console.log(`+ ${filename} (${contentType}, ${attachment.content().length} octets)`);
    }
  },
}).listen({ port: Number(process.argv[2] ?? 2525) });

console.log(`listening on 127.0.0.1:${server.port}`);

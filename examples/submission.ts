// A submission server: TLS and a login first, and only mail from the address of the login.
//   node examples/submission.ts [port]

import { formatMailbox, reply, SmtpServer } from 'postrider';

const passwords = new Map([['ann@example.org', 'correct horse']]); // yours come from a database

const server = await new SmtpServer({
  service: 'submission',
  tls: 'self-signed',
  onAuth(user, password, { client, mechanism }) {
    const right = passwords.get(user) === password;
    console.log(`${mechanism} from ${client.remote.address}: ${right ? 'welcome' : 'wrong'}`);
    return right ? user : undefined;
  },
  onMail: (_from, { client, sender }) =>
    sender !== null && formatMailbox(sender) === client.account
      ? undefined
      : reply(553, '7.1', 'Send as yourself'),
  onMessage: ({ client, id }) => console.log(`${id} from ${client.account}, ${client.tls?.cipher}`),
}).listen({ port: Number(process.argv[2] ?? 2587) });

console.log(`listening on 127.0.0.1:${server.port}`);

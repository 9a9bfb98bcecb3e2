// The program: hands the command line what only the composition root can make.

import { runCli } from './cli/cli.ts';
import { startServer } from './server.ts';

process.exitCode = await runCli(process.argv.slice(2), { serve: startServer });

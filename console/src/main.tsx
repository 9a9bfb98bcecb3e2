// The console's beginning.

import '@fontsource-variable/inter/wght.css';
import './styles/tokens.css';
import './styles/base.css';
import './styles/shell.css';
import './styles/controls.css';
import './styles/blocks.css';
import { render } from 'preact';
import { App } from './app.tsx';
import { startKeys } from './keys.ts';
import { startRouter } from './router.ts';
import { isConsolePath } from './routes.ts';
import { loadSession } from './session.ts';
import { startTheme } from './theme.ts';

startTheme();
startRouter(isConsolePath);
startKeys();
void loadSession();
render(<App />, document.getElementById('console')!);

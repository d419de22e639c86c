/** The frame of a page that loads nothing from elsewhere. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { Html, html } from './html.ts';

/** `live`: the page follows what it shows by `/follow.js`; else it runs no script. */
export async function page(title: string, live: boolean, content: Html): Promise<string> {
  const style = new Html(await readFile(path.join(import.meta.dirname, 'report.css'), 'utf8'));
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'${live ? "; script-src 'self'; connect-src 'self'" : ''}">
<title>${title}</title>
<style>${style}</style>
${live ? html`<script src="/follow.js" defer></script>` : null}
</head>
<body>
<main>
${content}
</main>
</body>
</html>
`.text;
}

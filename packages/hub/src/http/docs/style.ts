/** How the documentation looks; allowed on its pages by its hash. */
import { createHash } from 'node:crypto'

const SHEET = `
:root{color-scheme:light dark;--paper:#fff;--side:#f5f6f3;--ink:#1b211e;--soft:#55605a;--line:#dfe3de;--accent:#1f6b4a;--mark:#fff3bf}
@media(prefers-color-scheme:dark){:root{--paper:#121614;--side:#181d1a;--ink:#e6ebe7;--soft:#a3aea7;--line:#2b332e;--accent:#7cc9a2;--mark:#4d4411}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:1rem/1.6 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
a{color:var(--accent);text-underline-offset:.15em}
a:focus-visible,input:focus-visible,button:focus-visible,[tabindex]:focus-visible,summary:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.skip{position:absolute;left:-99rem}.skip:focus{left:1rem;top:1rem;background:var(--paper);padding:.5rem;z-index:1}
.frame{display:grid;grid-template-columns:16rem minmax(0,1fr);grid-template-rows:auto 1fr;min-height:100vh}
.side{grid-column:1;background:var(--side);border-inline-end:1px solid var(--line);padding:1.5rem 1.25rem 0}
main{grid-column:2;grid-row:1/3}
nav.side{padding-block:.25rem 2rem}
nav ul{list-style:none;margin:.25rem 0 1.25rem;padding:0}
nav a{display:block;padding:.25rem .5rem;margin:0 -.5rem;border-radius:.375rem;text-decoration:none;color:var(--ink)}
nav a:hover{text-decoration:underline}
nav a[aria-current]{background:var(--paper);font-weight:600;color:var(--accent)}
.side h2{font-size:.8125rem;letter-spacing:.02em;color:var(--soft);margin:0}
.name{font-weight:700;font-size:1.125rem;text-decoration:none;color:var(--ink)}
form{display:flex;gap:.375rem;margin:1rem 0;font-size:.9375rem}
.pages{display:none}
input,button{font:inherit;color:inherit;background:var(--paper);border:1px solid var(--soft);border-radius:.375rem;padding:.375rem .5rem;min-width:0}
input{flex:1}
button{cursor:pointer}
main{padding:2rem clamp(1rem,4vw,3.5rem) 5rem;max-width:58rem;overflow-wrap:break-word}
h1,h2,h3,h4{line-height:1.25;scroll-margin-top:1rem}
h1{font-size:2rem;margin:0 0 1rem;letter-spacing:-.01em}
h2{font-size:1.375rem;margin:2.5rem 0 .75rem}
h3{font-size:1.125rem;margin:2rem 0 .5rem}
pre{background:var(--side);border:1px solid var(--line);border-radius:.5rem;padding:1rem;overflow-x:auto;font-size:.875rem;line-height:1.5}
code{font-family:ui-monospace,SFMono-Regular,Menlo,"DejaVu Sans Mono",monospace;font-size:.9em}
:not(pre)>code{background:var(--side);border-radius:.25rem;padding:.1em .3em}
.table{overflow-x:auto;margin:1rem 0}
table{border-collapse:collapse;font-size:.9375rem}
th,td{border-bottom:1px solid var(--line);padding:.5rem .75rem .5rem 0;text-align:left;vertical-align:top}
blockquote{margin:1rem 0;padding-left:1rem;border-left:3px solid var(--accent);color:var(--soft)}
img{max-width:100%;height:auto;border:1px solid var(--line);border-radius:.5rem}
mark{background:var(--mark);color:var(--ink)}
.meta{font-size:.875rem;color:var(--soft);border-top:1px solid var(--line);margin-top:3rem;padding-top:1rem}
.hits{list-style:none;padding:0}.hits li{margin:0 0 1.5rem}.hits p{margin:.25rem 0;color:var(--soft)}
.answer{border:1px solid var(--line);border-left:3px solid var(--accent);border-radius:.5rem;padding:.25rem 1.25rem;margin:0 0 2rem}
@media(max-width:48rem){.frame{display:block}.side{border:0;border-block:1px solid var(--line);padding-bottom:1rem}nav.side{padding-top:1.5rem}.pages{display:inline-block;padding:.25rem 0}}
@media print{.side{display:none}.frame{display:block}}
`

export const STYLE_ELEMENT = `<style>${SHEET}</style>`
export const STYLE_SOURCE = `'sha256-${createHash('sha256').update(SHEET).digest('base64')}'`

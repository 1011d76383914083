/** How the pages look. One sheet inside the page, allowed by its hash. */
import { createHash } from 'node:crypto'
import { readableAccent } from '../../core/brand.ts'

const LIGHT = { paper: '#f5f6f3', card: '#ffffff' }
const DARK = { paper: '#0f1311', card: '#181d1a' }
/** Firma's own green. */
const ACCENT = '#1f6b4a'
/** Styles that are kept; an environment rarely changes its colour. */
const STYLES_MAX = 100

const SHEET = `
*{box-sizing:border-box}
[hidden]{display:none!important}
body{margin:0;min-height:100vh;display:grid;place-items:start center;padding:clamp(.75rem,5vh,4rem) min(.75rem,3vw);background:var(--paper);color:var(--ink);font:1.0625rem/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"DejaVu Sans",sans-serif}
.sheet{width:100%;min-width:0;max-width:28rem}
main{overflow-wrap:anywhere;background:var(--card);border:1px solid var(--line);border-radius:1.125rem;padding:min(1.5rem,6vw);box-shadow:0 1px 2px rgb(0 0 0/.04),0 12px 32px -12px rgb(0 0 0/.12)}
.brand{display:flex;align-items:center;gap:.625rem;margin:0 .25rem 1rem;font-weight:600;overflow-wrap:anywhere}
.brand span{min-width:0}
.brand img{height:2rem;max-width:8rem;object-fit:contain;flex:none}
h1{hyphens:auto;font-size:1.5rem;line-height:1.25;letter-spacing:-.01em;margin:0 0 .5rem}
:lang(ar) h1{letter-spacing:0}
h2{font-size:1.0625rem;line-height:1.35;margin:0 0 .125rem}
p{margin:0 0 1rem;color:var(--soft)}
main>:last-child{margin-bottom:0}
small,.small{font-size:.875rem;line-height:1.45;color:var(--soft)}
ul,ol{list-style:none;margin:0;padding:0}
.steps{display:flex;flex-wrap:wrap;gap:.375rem;margin:0 0 1.25rem;font-size:.8125rem;color:var(--soft)}
.steps li{flex:1 1 auto;padding-top:.5rem;border-top:3px solid var(--line)}
.steps .past{border-color:var(--accent)}
.steps [aria-current]{border-color:var(--accent);color:var(--ink);font-weight:600}
.purpose{margin:0 0 1rem;padding-inline-start:.875rem;border-inline-start:3px solid var(--accent);color:var(--ink)}
details{margin:0 0 1rem}
summary{cursor:pointer;min-height:1.75rem;color:var(--accent);font-weight:600}
details[open]>summary{margin-bottom:.5rem}
.chips{display:flex;flex-wrap:wrap;gap:.375rem;margin:0 0 .75rem}
.chips li{border:1px solid var(--line);border-radius:1rem;padding:.125rem .625rem;font-size:.875rem}
.list{display:grid;gap:.5rem;margin:0 0 1.25rem}
button,.button,input,select{font:inherit;color:inherit}
button,.button{width:100%;min-height:3.25rem;display:flex;align-items:center;gap:min(.875rem,3vw);padding:.5rem min(.875rem,4vw);border-radius:.75rem;border:1px solid var(--edge);background:transparent;cursor:pointer;text-align:start;text-decoration:none}
button:hover,.button:hover{border-color:var(--accent);background:var(--tint)}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.main{background:var(--accent);border-color:var(--accent);color:var(--accent-ink);justify-content:center;font-weight:600}
.main:hover{background:var(--accent);filter:brightness(1.06)}
.quiet{border-color:transparent;justify-content:center;color:var(--soft);text-decoration:underline;text-decoration-color:var(--edge);text-underline-offset:.25em}
.danger{color:var(--danger);border-color:var(--danger);justify-content:center}
.mark{flex:none;width:2.25rem;height:2.25rem;border-radius:.625rem;display:grid;place-items:center;font-weight:700;font-size:.9375rem;color:#fff}
.m0{background:#1f6b4a}.m1{background:#1d5c8f}.m2{background:#7a3d8f}.m3{background:#9a3b2e}.m4{background:#3e4a9c}.m5{background:#7a5a00}.m6{background:#0b6b75}.m7{background:#8a2f5d}
.name{min-width:0}
.list button{flex-wrap:wrap}
.list .name{flex:1 1 5.5em}
.go{margin-inline-start:auto;color:var(--soft)}
[dir=rtl] .go,[dir=rtl] .flip{transform:scaleX(-1)}
.badge{margin-inline-start:auto;font-size:.8125rem;border-radius:1rem;padding:.0625rem .5rem;border:1px solid currentColor;color:var(--accent);white-space:nowrap}
.badge+.go{margin-inline-start:0}
.badge.bad{color:var(--danger)}
.search{display:flex;flex-wrap:wrap;gap:.5rem;margin:0 0 .75rem;align-items:end}
.search label{flex:1 1 8em;min-width:0}
label span{display:block;font-size:.875rem;color:var(--soft);margin-bottom:.125rem}
input,select{width:100%;min-height:2.75rem;border-radius:.625rem;border:1px solid var(--edge);background:var(--card);padding:.25rem .75rem}
.search button,.language button{width:auto;min-height:2.75rem;flex:none}
.card{border:1px solid var(--line);border-radius:.875rem;padding:min(1rem,4vw)}
.card .head{display:flex;flex-wrap:wrap;gap:.875rem;align-items:start;margin:0 0 .75rem}
.card .head>div{min-width:0;flex:1 1 7em}
.card details{margin:.5rem 0 0}
.card summary{color:var(--danger);font-weight:400}
.card p{margin-bottom:.75rem}
.card button{justify-content:center}
.good{color:var(--accent)}.bad{color:var(--danger)}
.state{display:grid;place-items:center;width:3.25rem;height:3.25rem;border-radius:50%;font-size:1.5rem;line-height:1;margin:0 0 1rem;color:var(--accent);border:2px solid currentColor}
.state.bad{color:var(--danger)}
.notice{border:1px solid var(--accent);border-radius:.75rem;padding:.625rem .875rem;color:var(--ink)}
.foot{margin:1rem .25rem 0}
.language{display:flex;flex-wrap:wrap;gap:.5rem;align-items:end;margin:0}
.language select{width:auto;min-width:9rem;min-height:2.5rem;font-size:.9375rem}
.language button{min-height:2.5rem;font-size:.9375rem}
[data-busy] main{opacity:.85}
.bar{height:.375rem;border-radius:1rem;background:var(--line);overflow:hidden;margin:0 0 1rem}
.bar i{display:block;height:100%;width:40%;border-radius:1rem;background:var(--accent)}
.sr{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
@media (prefers-reduced-motion:no-preference){button,.button{transition:border-color .12s,background-color .12s}.bar i{animation:go 1.4s ease-in-out infinite alternate}@keyframes go{to{margin-inline-start:60%}}}
@media (forced-colors:active){.mark{border:1px solid}.bar i{background:Highlight}}
`

const sheets = new Map<string, { element: string; source: string }>()

/**
 * The style of an environment's pages.
 *
 * @param accent `#rrggbb`, or null for Firma's own.
 * @returns The element, and the source that a policy must name for it.
 */
export function styleFor(accent: string | null): { element: string; source: string } {
  const known = sheets.get(accent ?? ACCENT)
  if (known !== undefined) return known
  const css = `:root{color-scheme:light dark;${variables(accent ?? ACCENT, 'light')}}@media (prefers-color-scheme:dark){:root{${variables(accent ?? ACCENT, 'dark')}}}${SHEET}`
  // In one piece: the hash is over everything between the tags.
  const style = { element: `<style>${css}</style>`, source: hashSource(css) }
  if (sheets.size >= STYLES_MAX) sheets.clear()
  sheets.set(accent ?? ACCENT, style)
  return style
}

/** What a policy names to allow exactly this text. */
export function hashSource(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`
}

function variables(accent: string, theme: 'light' | 'dark'): string {
  const { paper, card } = theme === 'light' ? LIGHT : DARK
  const { color, ink } = readableAccent(accent, [paper, card])
  const rest =
    theme === 'light'
      ? '--ink:#17201b;--soft:#56635b;--line:#dfe3de;--edge:#838e87;--danger:#a3341f;--tint:rgb(0 0 0/.025)'
      : '--ink:#eef2ef;--soft:#a7b3ac;--line:#2d3631;--edge:#707c75;--danger:#ff9b85;--tint:rgb(255 255 255/.04)'
  return `--paper:${paper};--card:${card};--accent:${color};--accent-ink:${ink};${rest}`
}

/** The few lines of script that make the pages quicker. Everything works without them. */
import { hashSource } from './style.ts'

const SCRIPT = `
const find=(selector)=>document.querySelector(selector)
const said=find('[role=status]')
const search=find('#q')
if(search){
const rows=[...document.querySelectorAll('[data-find]')]
const plain=(text)=>text.normalize('NFD').replace(/\\p{M}/gu,'').toLowerCase().trim()
search.addEventListener('input',()=>{
const wish=plain(search.value)
const shown=rows.filter((row)=>{row.hidden=!row.dataset.find.includes(wish);return !row.hidden})
find('#none').hidden=shown.length>0
said.textContent=said.dataset.results.replace('#',shown.length)
})
}
for(const form of document.querySelectorAll('[data-leave]'))form.addEventListener('submit',({submitter})=>{
document.body.dataset.busy=''
if(said&&submitter?.dataset.leaving)said.textContent=submitter.dataset.leaving
})
addEventListener('pageshow',()=>{delete document.body.dataset.busy})
if(find('[data-reload]'))setTimeout(()=>location.reload(),1000)
`

/** In one piece, as the style: the policy allows exactly this text. */
export const SCRIPT_ELEMENT = `<script type="module">${SCRIPT}</script>`
export const SCRIPT_SOURCE = hashSource(SCRIPT)

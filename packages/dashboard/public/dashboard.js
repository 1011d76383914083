// The operator's first page: users and payload history of one environment, read from the API.

/** @typedef {{ user_id: string, reference_id: string | null, provider: string, active: boolean, created_at: string }} User */
/** @typedef {{ status: string, attempts: number }} Delivery */
/** @typedef {{ id: string, type: string, provider: string | null, user_id: string | null, created_at: string, payload: unknown, deliveries: Delivery[] }} FirmaEvent */
/** @typedef {{ content: string | Node, kind?: 'id' | 'time' | 'wrong' }} Cell */

const EVENTS_PER_PAGE = 50
const USERS_SHOWN = 500

/** @type {Record<string, string>} */
let credentials = {}
/** @type {string | null} */
let next = null

/** @param {string} selector */
function find(selector) {
  const element = document.querySelector(selector)
  if (!(element instanceof HTMLElement)) throw new TypeError(`the page has no ${selector}`)
  return element
}

/** @param {string} path */
async function read(path) {
  const response = await fetch(path, { headers: credentials })
  const answer = await response.json()
  if (!response.ok) throw new Error(answer.message)
  return answer
}

/** @param {Cell[]} cells */
function row(cells) {
  const line = document.createElement('tr')
  for (const { content, kind } of cells) {
    const cell = document.createElement('td')
    if (kind !== undefined) cell.className = kind
    // As text, whatever an app calls its people.
    cell.append(content)
    line.append(cell)
  }
  return line
}

/** @param {string} text */
function note(text) {
  const line = row([{ content: text }])
  line.firstElementChild?.setAttribute('colspan', '5')
  return line
}

/** @param {string} timestamp */
function toTime(timestamp) {
  return timestamp.slice(0, 19).replace('T', ' ')
}

/** @param {User} user */
function userRow(user) {
  return row([
    { content: user.provider },
    { content: user.reference_id ?? '–' },
    { content: user.user_id, kind: 'id' },
    user.active ? { content: 'active' } : { content: 'access revoked', kind: 'wrong' },
    { content: toTime(user.created_at), kind: 'time' },
  ])
}

async function showUsers() {
  const { data } = await read(`/v2/subscriptions?page=0&per_page=${USERS_SHOWN}`)
  const rows = data.results.map(userRow)
  if (rows.length === 0) rows.push(note('Nobody has connected yet.'))
  if (data.next !== null) rows.push(note(`Only the first ${USERS_SHOWN} are shown.`))
  find('#users tbody').replaceChildren(...rows)
}

/** @param {FirmaEvent} event */
function payload(event) {
  const box = document.createElement('details')
  const summary = document.createElement('summary')
  summary.textContent = event.type
  const body = document.createElement('pre')
  body.textContent = JSON.stringify(event.payload, null, 2)
  box.append(summary, body)
  return box
}

/** @param {Delivery} delivery */
function describe({ status, attempts }) {
  return `${status}, ${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`
}

/** @param {FirmaEvent} event */
function eventRow(event) {
  const content = event.deliveries.map(describe).join('; ') || 'no destination'
  const hasFailed = event.deliveries.some(({ status }) => status === 'failed')
  return row([
    { content: toTime(event.created_at), kind: 'time' },
    { content: payload(event) },
    { content: event.provider ?? '–' },
    { content: event.user_id ?? '–', kind: 'id' },
    hasFailed ? { content, kind: 'wrong' } : { content },
  ])
}

async function showEvents() {
  const body = find('#events tbody')
  const query = new URLSearchParams({ limit: String(EVENTS_PER_PAGE) })
  if (next !== null) query.set('after', next)
  const page = await read(`/admin/v1/events?${query}`)
  body.append(...page.data.map(eventRow))
  if (body.childElementCount === 0) body.append(note('No events yet.'))
  next = page.next
  find('#more').hidden = next === null
}

/** @param {boolean} isShown */
function showTables(isShown) {
  for (const selector of ['#users', '#events']) find(selector).hidden = !isShown
}

/** @param {boolean} isBusy */
function setBusy(isBusy) {
  for (const button of document.querySelectorAll('button')) button.disabled = isBusy
}

/**
 * One thing at a time: a second click must not load the same page twice.
 * @param {() => Promise<void>} work
 */
async function guarded(work) {
  const message = find('#message')
  message.className = ''
  message.textContent = 'Loading …'
  setBusy(true)
  try {
    await work()
    message.textContent = ''
  } catch (error) {
    message.className = 'wrong'
    message.textContent = error instanceof Error ? error.message : String(error)
  } finally {
    setBusy(false)
  }
}

/** @param {string} name */
function readInput(name) {
  const input = find(`#login [name=${name}]`)
  return input instanceof HTMLInputElement ? input.value.trim() : ''
}

async function showEnvironment() {
  // What is shown belongs to the credentials that were shown before.
  showTables(false)
  find('#events tbody').replaceChildren()
  next = null
  await showUsers()
  await showEvents()
  showTables(true)
}

find('#login').addEventListener('submit', (submit) => {
  submit.preventDefault()
  credentials = { 'dev-id': readInput('dev_id'), 'x-api-key': readInput('api_key') }
  void guarded(showEnvironment)
})
find('#more').addEventListener('click', () => void guarded(showEvents))

// The operator's first page: users and payload history of one environment, read from the API.

/** @typedef {{ user_id: string, reference_id: string | null, provider: string, active: boolean, created_at: string }} User */
/** @typedef {{ status: string, attempts: number }} Delivery */
/** @typedef {{ id: string, type: string, provider: string | null, user_id: string | null, created_at: string, payload: unknown, deliveries: Delivery[] }} FirmaEvent */

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

/**
 * @param {(string | Node)[]} cells
 * @param {number} idColumn
 */
function row(cells, idColumn) {
  const line = document.createElement('tr')
  cells.forEach((content, index) => {
    const cell = document.createElement('td')
    if (index === idColumn) cell.className = 'id'
    cell.append(content)
    line.append(cell)
  })
  return line
}

/** @param {string} selector @param {string} text */
function emptyRow(selector, text) {
  const line = row([text], -1)
  line.firstElementChild?.setAttribute('colspan', '5')
  find(selector).append(line)
}

async function showUsers() {
  const body = find('#users tbody')
  body.replaceChildren()
  const { data } = await read(`/v2/subscriptions?page=0&per_page=${USERS_SHOWN}`)
  for (const user of /** @type {User[]} */ (data.results)) {
    const state = user.active ? 'active' : 'access revoked'
    body.append(
      row([user.provider, user.reference_id ?? '–', user.user_id, state, user.created_at], 2),
    )
  }
  if (data.results.length === 0) emptyRow('#users tbody', 'Nobody has connected yet.')
  if (data.next !== null) emptyRow('#users tbody', `Only the first ${USERS_SHOWN} are shown.`)
  find('#users').hidden = false
}

/** @param {FirmaEvent} event */
function details(event) {
  const box = document.createElement('details')
  const summary = document.createElement('summary')
  summary.textContent = event.type
  const body = document.createElement('pre')
  body.textContent = JSON.stringify(event.payload, null, 2)
  box.append(summary, body)
  return box
}

async function showEvents() {
  const body = find('#events tbody')
  const query = new URLSearchParams({ limit: String(EVENTS_PER_PAGE) })
  if (next !== null) query.set('before', next)
  const page = await read(`/admin/v1/events?${query}`)
  for (const event of /** @type {FirmaEvent[]} */ (page.events)) {
    const delivered = event.deliveries
      .map(({ status, attempts }) => `${status} (${attempts})`)
      .join(', ')
    const cells = [event.created_at, details(event), event.provider ?? '–', event.user_id ?? '–']
    body.append(row([...cells, delivered || 'no destination'], 3))
  }
  if (body.childElementCount === 0) emptyRow('#events tbody', 'No events yet.')
  next = page.next
  find('#more').hidden = next === null
  find('#events').hidden = false
}

/** @param {string} name */
function readInput(name) {
  const input = find(`#login [name=${name}]`)
  return input instanceof HTMLInputElement ? input.value : ''
}

/** @param {() => Promise<void>} work */
async function guarded(work) {
  const message = find('#message')
  try {
    await work()
    message.textContent = ''
  } catch (error) {
    message.textContent = error instanceof Error ? error.message : String(error)
  }
}

find('#login').addEventListener('submit', (submit) => {
  submit.preventDefault()
  credentials = { 'dev-id': readInput('dev_id'), 'x-api-key': readInput('api_key') }
  next = null
  find('#events tbody').replaceChildren()
  void guarded(async () => {
    await showUsers()
    await showEvents()
  })
})
find('#more').addEventListener('click', () => void guarded(showEvents))

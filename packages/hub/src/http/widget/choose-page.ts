/** The page with the providers to choose from. */
import { html } from 'hono/html'
import type { DataKind } from '../../core/data-kind.ts'
import { type Html, type PageView, renderPage } from './layout.ts'
import { providerMark } from './provider-mark.ts'

/** From so many providers on there is a search. */
const SEARCH_FROM = 7

export interface ProviderChoice {
  readonly resource: string
  readonly displayName: string
  /** What the app gets from it, as far as its permissions tell. */
  readonly kinds: readonly DataKind[]
  /** Whether this person has it already; `broken` asks for a reconnection. */
  readonly connection: 'none' | 'working' | 'broken'
}

export interface ChoosePage {
  readonly appName: string
  readonly token: string
  readonly providers: readonly ProviderChoice[]
  /** Connections that the person may see and end here. */
  readonly connectionCount: number
  /** Whose account at the app it is, masked; null where the app has not said. */
  readonly accountLabel: string | null
  readonly search: string
  readonly cookie: string | undefined
}

export async function choosePage(view: PageView, page: ChoosePage): Promise<Response> {
  const { messages } = view
  const { appName, token, providers, connectionCount } = page
  const { choose } = messages
  const isEmpty = providers.length === 0
  const body = html`
    <h1>${choose.heading}</h1>
    ${isEmpty ? html`<p>${choose.none(appName)}</p>` : introduction(view, page)}
    ${isEmpty ? '' : providerList(view, page)}
    ${
      connectionCount === 0
        ? ''
        : html`<p>
            <a class="button" href="/session/${token}/connections"
              >${choose.manage(connectionCount)}<span class="go" aria-hidden="true">→</span></a
            >
          </p>`
    }
    ${isEmpty ? '' : html`<p class="small">${choose.canStop}</p>`}
    <form method="post" action="/session/${token}/cancel">
      <button class="quiet">${isEmpty ? choose.back : choose.notNow}</button>
    </form>
  `
  const title = `${choose.heading} – ${appName}`
  return await renderPage(view, { title, body, step: 'choose', cookie: page.cookie })
}

function introduction({ messages, app }: PageView, page: ChoosePage): Html {
  const { appName, providers, accountLabel } = page
  const { choose } = messages
  const kinds = [...new Set(providers.flatMap((provider) => provider.kinds))]
  const purpose = app?.brand.purpose ?? null
  return html`<p>${choose.intro(appName)}</p>
    ${
      accountLabel === null
        ? ''
        : html`<p class="account">
            ${choose.account} <strong><bdi>${accountLabel}</bdi></strong
            ><br /><span class="small">${choose.notYours}</span>
          </p>`
    }
    ${purpose === null ? '' : html`<p class="purpose"><bdi>${purpose}</bdi></p>`}
    ${
      kinds.length === 0
        ? html`<p class="small">${choose.login(appName)}</p>`
        : html`<details ${providers.length === 1 ? 'open' : ''}>
            <summary>${choose.what(appName)}</summary>
            <ul class="chips">
              ${kinds.map((kind) => html`<li>${messages.kinds[kind]}</li>`)}
            </ul>
            <p class="small">${choose.providersDiffer} ${choose.login(appName)}</p>
          </details>`
    }
    <p class="small">${choose.agree(appName)}</p>`
}

function providerList({ messages }: PageView, page: ChoosePage): Html {
  const { choose } = messages
  const { providers, token, search } = page
  const isShown = (provider: ProviderChoice): boolean =>
    searchText(provider).includes(toSearch(search))
  const found = providers.filter(isShown)
  const hasSearch = providers.length >= SEARCH_FROM
  return html`${
      hasSearch
        ? html`<form method="get" class="search" role="search">
            <label
              ><span>${choose.search}</span
              ><input id="q" type="search" name="q" value="${search}" autocomplete="off"
            /></label>
            <button>${choose.searchButton}</button>
          </form>`
        : ''
    }
    <p class="sr" role="status" data-results="${choose.results('#')}">
      ${search === '' ? '' : choose.results(String(found.length))}
    </p>
    <div id="none" ${found.length > 0 ? 'hidden' : ''}>
      <p>${choose.noResults} <a href="/session/${token}">${choose.showAll}</a></p>
    </div>
    <form method="post" action="/session/${token}/connect" data-leave>
      <ul class="list">
        ${providers.map((provider) => choiceItem(choose, provider, isShown(provider)))}
      </ul>
    </form>`
}

function choiceItem(
  choose: PageView['messages']['choose'],
  provider: ProviderChoice,
  isShown: boolean,
): Html {
  const { resource, displayName, connection } = provider
  return html`<li data-find="${searchText(provider)}" ${isShown ? '' : 'hidden'}>
    <button name="provider" value="${resource}" data-leaving="${choose.leaving(displayName)}">
      ${providerMark(displayName)}
      <span class="name">${displayName}</span>
      ${connection === 'none' ? '' : badge(choose, connection)}
      <span class="go" aria-hidden="true">→</span>
    </button>
  </li>`
}

function badge(choose: PageView['messages']['choose'], connection: 'working' | 'broken'): Html {
  return connection === 'working'
    ? html`<span class="badge">${choose.connected}</span>`
    : html`<span class="badge bad">${choose.broken}</span>`
}

function searchText({ displayName, resource }: ProviderChoice): string {
  return `${toSearch(displayName)} ${resource.toLowerCase()}`
}

/** The same as the page's script does, so that both find the same. */
function toSearch(text: string): string {
  return text.normalize('NFD').replaceAll(/\p{M}/gu, '').toLowerCase().trim()
}

import { type ReactNode, useState } from 'react'
import { Link, useLocation } from 'wouter'
import { useEnvironment } from '../hooks/use-environment.tsx'
import { useLogOut } from '../hooks/use-session.ts'
import { LiveButton } from '../live/live-button.tsx'
import { Button } from './button.tsx'
import { SelectField } from './field.tsx'

export interface NavItem {
  readonly path: string
  readonly label: string
  /** Lines of a drawing, 16 wide and high; what belongs to another page has none. */
  readonly icon?: string
  /** Belongs to the page above it. */
  readonly isPart?: boolean
}

/** Navigation beside the page; in a row above it where both would be narrow; behind a button on phones. */
export function Layout({
  items,
  children,
}: {
  readonly items: readonly NavItem[]
  readonly children: ReactNode
}) {
  const [isOpen, setOpen] = useState(false)
  return (
    <div className="min-h-dvh xl:grid xl:grid-cols-[14.5rem_1fr]">
      <a
        href="#main"
        className="sr-only focus:not-sr-only focus:absolute focus:z-20 focus:m-2 focus:rounded-lg focus:bg-card focus:px-3 focus:py-2"
      >
        Skip to the page
      </a>
      <header className="border-b border-line bg-card lg:flex lg:flex-wrap lg:items-center xl:sticky xl:top-0 xl:h-dvh xl:flex-col xl:flex-nowrap xl:items-stretch xl:border-e xl:border-b-0">
        <div className="flex items-center justify-between gap-3 px-4 py-3 sm:px-6 xl:px-4 xl:pt-5 xl:pb-5">
          <Logo />
          <span className="flex items-center gap-1">
            <LiveButton />
            <Button
              look="quiet"
              className="lg:hidden"
              aria-expanded={isOpen}
              aria-controls="navigation"
              onClick={() => setOpen(!isOpen)}
            >
              Menu
            </Button>
          </span>
        </div>
        <div
          id="navigation"
          className={`${isOpen ? 'flex' : 'hidden'} flex-1 flex-col gap-4 px-3 pb-4 sm:px-5 lg:contents xl:flex xl:px-3`}
        >
          <EnvironmentChoice />
          <Navigation items={items} onChoose={() => setOpen(false)} />
          <Foot />
        </div>
      </header>
      <main id="main" tabIndex={-1} className="min-w-0 outline-none">
        <ArchivedNote />
        {children}
      </main>
    </div>
  )
}

function ArchivedNote() {
  const { environment } = useEnvironment()
  if (environment.archived_at === null) return null
  return (
    <p className="border-b border-warn/50 bg-warn/10 px-4 py-2 text-sm text-warn sm:px-6">
      {environment.name} is archived: no key works, and nobody can connect.{' '}
      <Link className="underline underline-offset-2" href="/settings">
        Restore it
      </Link>
    </p>
  )
}

export function Logo() {
  return (
    <span className="flex items-center gap-2.5 text-base font-semibold tracking-tight">
      <span
        aria-hidden="true"
        className="grid size-7 place-items-center rounded-lg bg-accent text-sm font-bold text-accent-ink"
      >
        F
      </span>
      Firma
    </span>
  )
}

function Navigation({
  items,
  onChoose,
}: {
  readonly items: readonly NavItem[]
  readonly onChoose: () => void
}) {
  const [path] = useLocation()
  return (
    <nav aria-label="Pages" className="lg:max-xl:order-last lg:max-xl:w-full lg:max-xl:px-3">
      <ul className="space-y-0.5 lg:max-xl:flex lg:max-xl:justify-between lg:max-xl:space-y-0">
        {items.map((item) => {
          const isHere = item.path === '/' ? path === '/' : path.startsWith(item.path)
          return (
            <li key={item.path}>
              <Link
                href={item.path}
                onClick={onChoose}
                aria-current={isHere ? 'page' : undefined}
                className={`flex items-center gap-2.5 rounded-lg py-1.5 pe-3 text-sm whitespace-nowrap lg:max-xl:rounded-none lg:max-xl:border-b-2 lg:max-xl:pb-2 ${item.isPart === true ? 'ps-9.5 lg:max-xl:ps-3' : 'ps-3'} ${
                  isHere
                    ? 'border-accent bg-tint font-semibold text-accent lg:max-xl:bg-transparent'
                    : 'border-transparent text-soft hover:bg-tint hover:text-ink lg:max-xl:hover:bg-transparent'
                }`}
              >
                {item.icon !== undefined && <Icon lines={item.icon} />}
                {item.label}
              </Link>
            </li>
          )
        })}
      </ul>
    </nav>
  )
}

function Icon({ lines }: { readonly lines: string }) {
  return (
    <svg
      aria-hidden="true"
      viewBox="0 0 16 16"
      className="size-4 shrink-0 fill-none stroke-current stroke-[1.4] lg:max-xl:hidden"
      strokeLinecap="round"
      strokeLinejoin="round"
    >
      <path d={lines} />
    </svg>
  )
}

function EnvironmentChoice() {
  const { environment, environments, choose } = useEnvironment()
  return (
    <SelectField
      label="Environment"
      className="lg:max-xl:ms-auto lg:max-xl:flex lg:max-xl:items-baseline lg:max-xl:gap-2"
      value={environment.dev_id}
      onChange={(event) => choose(event.target.value)}
    >
      {environments.map(({ dev_id, name, archived_at }) => (
        <option key={dev_id} value={dev_id}>
          {environments.some((one) => one.dev_id !== dev_id && one.name === name)
            ? `${name} (${dev_id})`
            : name}
          {archived_at !== null && ' – archived'}
        </option>
      ))}
    </SelectField>
  )
}

function Foot() {
  const logOut = useLogOut()
  return (
    <div className="mt-auto flex items-center justify-between gap-2 px-1 pt-4 lg:max-xl:mt-0 lg:max-xl:px-4 lg:max-xl:pt-0">
      <a className="px-2 text-sm text-soft underline underline-offset-2" href="/docs/">
        Documentation
      </a>
      <Button look="quiet" isBusy={logOut.isPending} onClick={() => logOut.mutate()}>
        Log out
      </Button>
    </div>
  )
}

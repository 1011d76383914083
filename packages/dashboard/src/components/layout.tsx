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
  /** Belongs to the page above it. */
  readonly isPart?: boolean
}

/** Navigation beside the page; above it where both would be narrow. */
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
      <header className="border-b border-line bg-card xl:sticky xl:top-0 xl:flex xl:h-dvh xl:flex-col xl:border-b-0 xl:border-e">
        <div className="flex items-center justify-between px-4 py-3 xl:pt-5 xl:pb-5">
          <Logo />
          <span className="flex items-center gap-1">
            <LiveButton />
            <Button
              look="quiet"
              className="xl:hidden"
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
          className={`${isOpen ? 'flex' : 'hidden'} flex-1 flex-col gap-4 px-3 pb-4 xl:flex`}
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
    <nav aria-label="Pages">
      <ul className="space-y-0.5">
        {items.map((item) => {
          const isHere = item.path === '/' ? path === '/' : path.startsWith(item.path)
          return (
            <li key={item.path}>
              <Link
                href={item.path}
                onClick={onChoose}
                aria-current={isHere ? 'page' : undefined}
                className={`block rounded-lg py-1.5 pe-3 text-sm ${item.isPart === true ? 'ps-7' : 'ps-3'} ${
                  isHere
                    ? 'bg-tint font-semibold text-accent'
                    : 'text-soft hover:bg-tint hover:text-ink'
                }`}
              >
                {item.label}
              </Link>
            </li>
          )
        })}
      </ul>
    </nav>
  )
}

function EnvironmentChoice() {
  const { environment, environments, choose } = useEnvironment()
  return (
    <SelectField
      label="Environment"
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
    <div className="mt-auto flex items-center justify-between gap-2 px-1 pt-4">
      <a className="px-2 text-sm text-soft underline underline-offset-2" href="/docs/">
        Documentation
      </a>
      <Button look="quiet" isBusy={logOut.isPending} onClick={() => logOut.mutate()}>
        Log out
      </Button>
    </div>
  )
}

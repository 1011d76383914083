import { type ReactNode, type SubmitEvent, useEffect, useState } from 'react'
import { toMessage } from '../api.ts'
import { Button } from '../components/button.tsx'
import { TextField } from '../components/field.tsx'
import { Logo } from '../components/layout.tsx'
import { useChoosePassword, useLogIn } from '../hooks/use-session.ts'

/** Before anybody is logged in: the password, or the choice of one. */
export function LoginPage({ needsSetup }: { readonly needsSetup: boolean }) {
  useEffect(() => {
    document.title = 'Log in – Firma'
  }, [])
  return (
    <main className="grid min-h-dvh place-items-start justify-center px-4 py-[12vh]">
      <div className="w-full max-w-sm">
        <Logo />
        <div className="mt-5 rounded-xl border border-line bg-card p-6 shadow-xs">
          {needsSetup ? <SetupForm /> : <PasswordForm />}
        </div>
        <p className="mt-4 text-sm text-soft">
          <a className="underline underline-offset-2" href="/docs/">
            Documentation
          </a>
        </p>
      </div>
    </main>
  )
}

function PasswordForm() {
  const [password, setPassword] = useState('')
  const logIn = useLogIn()
  return (
    <Form
      title="Log in"
      about="This hub has one operator."
      action="Log in"
      mutation={logIn}
      onSubmit={() => logIn.mutate(password)}
    >
      <TextField
        label="Password"
        type="password"
        autoComplete="current-password"
        required
        autoFocus
        value={password}
        onChange={(event) => setPassword(event.target.value)}
      />
    </Form>
  )
}

function SetupForm() {
  // The terminal's link carries it behind the #, which no server and no log gets to see.
  const [setupToken, setSetupToken] = useState(() => location.hash.slice(1))
  const [password, setPassword] = useState('')
  const choose = useChoosePassword()
  return (
    <Form
      title="Welcome"
      about="Choose the password of this hub’s operator. The set-up token is in the terminal in which the hub was started."
      action="Choose and log in"
      mutation={choose}
      onSubmit={() => choose.mutate({ setupToken: setupToken.trim(), password })}
    >
      <TextField
        label="Set-up token"
        required
        value={setupToken}
        onChange={(event) => setSetupToken(event.target.value)}
      />
      <TextField
        label="New password"
        type="password"
        autoComplete="new-password"
        required
        minLength={12}
        hint="At least 12 characters."
        value={password}
        onChange={(event) => setPassword(event.target.value)}
      />
    </Form>
  )
}

function Form(props: {
  readonly title: string
  readonly about: string
  readonly action: string
  readonly mutation: { readonly isPending: boolean; readonly error: unknown }
  readonly onSubmit: () => void
  readonly children: ReactNode
}) {
  const { title, about, action, mutation, onSubmit, children } = props
  const submit = (event: SubmitEvent): void => {
    event.preventDefault()
    onSubmit()
  }
  return (
    <form onSubmit={submit} className="space-y-4">
      <div>
        <h1 className="text-lg font-semibold">{title}</h1>
        <p className="text-sm text-soft">{about}</p>
      </div>
      {children}
      {mutation.error !== null && (
        <p role="alert" className="text-sm text-bad">
          {toMessage(mutation.error)}
        </p>
      )}
      <Button type="submit" look="primary" className="w-full" isBusy={mutation.isPending}>
        {action}
      </Button>
    </form>
  )
}

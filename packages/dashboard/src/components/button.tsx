import type { ButtonHTMLAttributes } from 'react'

const LOOKS = {
  primary: 'bg-accent text-accent-ink border-accent hover:brightness-110',
  secondary: 'bg-card border-edge/60 hover:border-edge hover:bg-tint',
  quiet: 'border-transparent text-soft hover:text-ink hover:bg-tint',
  danger: 'bg-card border-bad/60 text-bad hover:bg-bad/10',
} as const

export interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  readonly look?: keyof typeof LOOKS
  readonly isBusy?: boolean
}

export function Button({ look = 'secondary', isBusy = false, className, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      aria-busy={isBusy}
      {...rest}
      disabled={rest.disabled === true || isBusy}
      className={`inline-flex min-h-9 whitespace-nowrap items-center justify-center gap-2 rounded-lg border px-3 py-1 text-sm font-medium transition-colors disabled:cursor-not-allowed disabled:opacity-60 ${LOOKS[look]} ${className ?? ''}`}
    />
  )
}

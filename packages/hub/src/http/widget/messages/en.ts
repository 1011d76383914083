/** The pages' texts in English. Every other language has the type of this one, so none can miss a key. */
import type { FLOW_FAILURES } from '../../../core/flow.ts'
import type { DataKind } from '../../../core/data-kind.ts'

type FailureReason = keyof typeof FLOW_FAILURES

const kinds: Record<DataKind, string> = {
  activity: 'Activity and workouts',
  sleep: 'Sleep',
  heart: 'Heart',
  body: 'Weight and body',
  nutrition: 'Food and drink',
  glucose: 'Glucose',
  breathing: 'Breathing and oxygen',
  temperature: 'Temperature',
  cycle: 'Menstrual cycle',
  mind: 'Stress and mind',
  location: 'Location',
  profile: 'Profile',
  plans: 'Sends workouts to your device',
}

const reasons: Record<FailureReason, string> = {
  access_denied: 'You chose not to share your data. You can change your mind at any time.',
  auth_cancelled: 'You went back before the connection was made.',
  expired: 'The connection was not finished in time. Try again.',
  missing_scopes: 'A permission that the app needs was switched off. Try again and leave it on.',
  provider_unavailable: 'The provider could not be reached. Try again in a few minutes.',
  client_misconfigured:
    'The app is not set up correctly at the provider. Its support has to fix this; trying again does not help.',
  interrupted: 'The connection was interrupted. Try again.',
  not_confirmed: 'The app did not finish the connection in time. Go back to the app and try again.',
  other_end_user:
    'You are logged in to the app as somebody else than the person this link was made for. Nothing was connected; get a link of your own in the app.',
  account_in_use:
    'This account at the provider is already connected by another user of the app. Log out at the provider and use another account, or have it disconnected there first.',
  other_account:
    'You logged in with another account than the one that is connected. Log out at the provider, then try again with the right account.',
}

export const EN = {
  steps: { label: 'Progress', choose: 'Choose', login: 'Log in', done: 'Done' },
  choose: {
    heading: 'Connect your device',
    intro: (app: string) =>
      `${app} asks to receive the health and activity data that you choose to share.`,
    account: 'You connect for the account',
    notYours: 'Is this not your account? Then do not go on: close this page.',
    login: (app: string) => `You log in at the provider itself; ${app} never sees your password.`,
    what: (app: string) => `What ${app} receives`,
    agree: (app: string) =>
      `By choosing a provider you agree that it sends this data to ${app} until you disconnect.`,
    providersDiffer: 'Which of these it is depends on the provider, and on what you allow there.',
    search: 'Search providers',
    searchButton: 'Search',
    results: (count: string) => `Providers found: ${count}`,
    noResults: 'No provider has that name.',
    showAll: 'Show all',
    none: (app: string) =>
      `${app} has no devices to choose from yet. Please go back to the app and tell its support.`,
    notNow: 'Not now, go back',
    back: 'Go back',
    canStop: 'You can disconnect at any time, in the app or at the provider.',
    connected: 'Connected',
    broken: 'Please connect again',
    leaving: (provider: string) => `Going to ${provider}…`,
    manage: (count: number) => `My connections (${count})`,
  },
  connections: {
    heading: 'My connections',
    intro: (app: string) => `These send data to ${app}.`,
    none: 'Nothing is connected.',
    since: (date: string) => `Connected since ${date}`,
    working: 'Working',
    broken: 'The provider no longer lets data through. Please connect again.',
    reconnect: (provider: string) => `Connect ${provider} again`,
    disconnect: (provider: string) => `Disconnect ${provider}`,
    consequence: (app: string, provider: string) =>
      `${app} gets no more data from ${provider}. What it has received so far stays with ${app}.`,
    confirm: (provider: string) => `Yes, disconnect ${provider}`,
    gone: (provider: string) => `${provider} is disconnected.`,
    another: 'Connect another device',
  },
  ended: {
    connected: (provider: string) => `${provider} is connected`,
    failed: (provider: string) => `${provider} is not connected`,
    close: 'You can close this page and go back to the app.',
    nothingShared: 'Nothing was shared. You can close this page and go back to the app.',
    retry: (provider: string) => `Try again with ${provider}`,
    keepOn: 'Leave these on:',
    otherReason: (reason: string) => `The provider answered “${reason}”.`,
    reasons,
  },
  waiting: {
    heading: 'Connecting…',
    text: 'This takes a few seconds.',
    check: 'Check now',
  },
  deadEnds: {
    unknown: {
      heading: 'This link does not exist',
      text: 'It may have been cut off when it was copied. Go back to the app and start again.',
    },
    opened_elsewhere: {
      heading: 'This link was opened in another browser',
      text: 'To protect your data it works only where it was opened first. Go there, or get a new link in the app.',
    },
    used: {
      heading: 'This link has been used',
      text: 'Each link connects once. To connect something else, go back to the app and get a new one.',
    },
    expired: {
      heading: 'This link has expired',
      text: 'Links are good for 15 minutes. Go back to the app and get a new one.',
    },
    state_unknown: {
      heading: 'This login does not belong to a connection that is under way',
      text: 'It may be an old page, or a newer attempt has replaced it. Go back to the app and start again.',
    },
    form_unreadable: {
      heading: 'That choice could not be read',
      text: 'Nothing has happened. Go back one page and choose again.',
    },
    cancelled: {
      heading: 'Nothing was connected',
      text: 'You can close this page and go back to the app.',
    },
    failed: {
      heading: 'Something went wrong here',
      text: 'Nothing was connected. Go back to the app and try again in a minute.',
    },
  },
  move: {
    heading: (from: string, to: string) => `Move from ${from} to ${to}`,
    text: (app: string, from: string, to: string) =>
      `${from} no longer passes data on; ${to} takes its place. ${app} goes on receiving your data once you have agreed there. Your history in ${app} stays.`,
    goOn: (to: string) => `Go on to ${to}`,
    expired: 'This link has expired',
    whatNow: 'Go back to the app, or ask its support for a new link.',
  },
  language: { label: 'Language', change: 'Change' },
  kinds,
}

/** All texts of one language. */
export type Messages = typeof EN

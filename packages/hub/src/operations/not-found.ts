/** Ids that name nothing in an environment: unknown and foreign ones are refused alike. */
import { FirmaError } from '../errors.ts'

/** Characters of an id that are repeated. */
const ID_LENGTH_MAX = 100

/** Begins with the words that Terra answers. */
export function userNotFound(userId: string): FirmaError {
  return new FirmaError(
    'user_not_found',
    `user not found: ${quote(userId)} is connected to nobody in this environment; a user_id changes when its person connects again, so look the present one up by reference_id`,
  )
}

export function eventNotFound(eventId: string): FirmaError {
  return new FirmaError(
    'event_not_found',
    `event not found: ${quote(eventId)} is not in the history of this environment; take an id from the list of events, which keeps them only for the time that is set`,
  )
}

export function destinationNotFound(destinationId: string): FirmaError {
  return new FirmaError(
    'destination_not_found',
    `destination not found: this environment has none with the id ${quote(destinationId)}; the list of destinations has the ids`,
  )
}

export function resendNotFound(resendId: string): FirmaError {
  return new FirmaError(
    'not_found',
    `resend not found: this environment has none with the id ${quote(resendId)}; the list of resends has the ids`,
  )
}

export function environmentNotFound(devId: string): FirmaError {
  return new FirmaError(
    'environment_not_found',
    `environment not found: there is none with the dev-id ${quote(devId)}; the list of environments has them`,
  )
}

export function keyNotFound(keyId: string): FirmaError {
  return new FirmaError(
    'key_not_found',
    `key not found: this environment has none with the id ${quote(keyId)}; the list of its keys has the ids`,
  )
}

function quote(id: string): string {
  return `"${id.slice(0, ID_LENGTH_MAX)}"`
}

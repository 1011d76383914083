/** What the configuration file declares, by name: for those who are about to change it elsewhere. */
import { type Declaration, DESTINATION_SETTINGS } from './apply-declaration.ts'

export interface Declared {
  /** Settings of an environment, as the API names them, with dots for settings of settings; none where it is not declared. */
  settingsOf(environmentId: string): readonly string[]
  hasProvider(environmentId: string, provider: string): boolean
  /**
   * By its address, which is how the file knows it.
   *
   * @returns Its settings that the file sets, as the API names them; undefined where the file does not have it.
   */
  findDestination(environmentId: string, url: string): readonly string[] | undefined
}

export interface DeclaredDep {
  readonly declared: Declared
}

/** @param declarations Of this process; others have the same file, or should. */
export function createDeclared(declarations: readonly Declaration[]): Declared {
  const byId = new Map(declarations.map((each) => [each.id, each]))
  return {
    settingsOf: (id) => {
      const declaration = byId.get(id)
      return declaration === undefined ? [] : listSettings(declaration)
    },
    hasProvider: (id, provider) =>
      byId.get(id)?.providers.some((app) => app.provider === provider) ?? false,
    findDestination(id, url) {
      const found = byId.get(id)?.destinations.find((destination) => destination.url === url)
      if (found === undefined) return undefined
      return DESTINATION_SETTINGS.filter((name) => found[name] !== undefined).map(toApiName)
    },
  }
}

function toApiName(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

function listSettings(declaration: Declaration): string[] {
  const { matchPolicy, failedAuthShape, isProduction, connect, redirects } = declaration
  const settings: Readonly<Record<string, unknown>> = {
    match_policy: matchPolicy,
    failed_auth_shape: failedAuthShape,
    is_production: isProduction,
    'connect.confirmation': connect?.confirmation,
    'connect.account_policy': connect?.accountPolicy,
    'redirects.allow_list': redirects?.allowList,
    'redirects.schemes': redirects?.schemes,
  }
  return Object.keys(settings).filter((name) => settings[name] !== undefined)
}

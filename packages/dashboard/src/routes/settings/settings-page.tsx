import { Page } from '../../components/page.tsx'
import { useEnvironment } from '../../hooks/use-environment.tsx'
import { Archive } from './archive.tsx'
import { AuditLog } from './audit-log.tsx'
import { BrandForm } from './brand-form.tsx'
import { EnvironmentForm } from './environment-form.tsx'
import { Keys } from './keys.tsx'
import { NewEnvironment } from './new-environment.tsx'
import { RedirectsForm } from './redirects-form.tsx'

export function SettingsPage() {
  const { environment } = useEnvironment()
  return (
    <Page
      title="Settings"
      about={`What ${environment.name} (${environment.dev_id}) does, who may call it, and who changed what.`}
      doc="connect-page#settings"
      actions={<NewEnvironment />}
    >
      <div className="grid items-start gap-4 lg:grid-cols-2">
        <div className="space-y-4">
          <EnvironmentForm />
          <Archive environment={environment} />
        </div>
        <div className="space-y-4">
          <BrandForm />
          <RedirectsForm />
        </div>
      </div>
      <div className="mt-4 space-y-4">
        <Keys />
        <AuditLog />
      </div>
    </Page>
  )
}

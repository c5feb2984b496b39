"""The words that the estates are made of."""

from typing import Final

REGIONS: Final = (
    ("westeurope", "weu", 5.0),
    ("northeurope", "neu", 3.0),
    ("germanywestcentral", "gwc", 1.5),
    ("swedencentral", "sdc", 1.0),
    ("eastus2", "eus2", 2.0),
)
TEAMS: Final = (
    "payments", "orders", "identity", "catalog", "billing", "logistics", "mobile", "web", "crm",
    "analytics", "search", "notify", "loyalty", "pricing", "fraud", "iot", "support", "partners",
    "returns", "inventory",
)  # fmt: skip
SHARED_TEAMS: Final = ("platform", "network", "observability", "cicd", "data", "security")
SECRETS: Final = (
    "sql-connection-string", "cosmos-primary-key", "storage-account-key", "redis-connection-string",
    "servicebus-connection", "eventhub-connection", "stripe-api-key", "stripe-webhook-secret",
    "sendgrid-api-key", "twilio-auth-token", "salesforce-client-secret", "adyen-api-key",
    "paypal-client-secret", "jwt-signing-key", "oauth-client-secret", "github-app-private-key",
    "github-webhook-secret", "datadog-api-key", "splunk-hec-token", "pagerduty-routing-key",
    "slack-bot-token", "smtp-password", "sftp-password", "sap-service-password",
    "ldap-bind-password",
    "postgres-admin-password", "postgres-app-password", "mysql-app-password", "mongodb-uri",
    "snowflake-private-key", "openai-api-key", "maps-api-key", "recaptcha-secret", "npm-token",
    "docker-registry-password", "sonar-token", "terraform-cloud-token", "vpn-shared-key",
    "batch-account-key", "appinsights-connection-string", "functions-host-key", "encryption-salt",
    "session-secret", "hmac-signing-key", "license-key", "fcm-server-key", "apns-key", "dkim-key",
    "backup-passphrase", "partner-api-key", "feature-flags-sdk-key", "signalr-connection-string",
)  # fmt: skip
CONSUMERS: Final = (
    "api", "worker", "batch", "web", "etl", "admin", "mobile", "gateway", "jobs", "legacy", "v2",
    "partner", "emea", "us", "blue", "green", "reporting", "internal", "eu", "canary",
)  # fmt: skip
KEYS: Final = (
    "storage-cmk", "sql-tde-key", "cosmos-cmk", "disk-encryption-key", "token-signing-key",
    "data-protection-key", "field-encryption-key", "document-signing-key", "backup-cmk",
    "aks-kms-key",
)  # fmt: skip
CERTIFICATES: Final = (
    "www-tls", "api-tls", "admin-tls", "gateway-tls", "internal-mtls", "ingress-tls", "portal-tls",
    "mq-client", "saml-signing", "code-signing", "db-client", "webhook-mtls", "edge-tls",
)  # fmt: skip
CONTENT_TYPES: Final = (
    ("text/plain", 5.0),
    ("application/json", 1.5),
    ("connection-string", 2.0),
    ("password", 2.0),
    ("api-key", 2.0),
)
APPLICATIONS: Final = (
    "Payments API", "Orders API", "Customer Portal", "Mobile Backend", "Loyalty Service",
    "Fraud Scoring", "Pricing Engine", "Warehouse Connector", "SAP Integration",
    "Salesforce Sync", "Power BI Gateway", "GitHub Actions Deploy", "Azure DevOps Pipelines",
    "Terraform Automation", "Backup Automation", "HR Onboarding", "Payroll Export",
    "ServiceNow Connector", "Datadog Integration", "Splunk Collector", "Intune Automation",
    "Teams Bot", "Graph Mail Sender", "SharePoint Archiver", "Invoice Scanner",
    "E-Signature Bridge",
    "Partner API", "B2B Gateway", "Data Lake Ingest", "ML Training", "Search Indexer",
    "Notification Hub", "IoT Provisioning", "Kiosk Client", "Call Center Desktop",
    "Legacy Intranet",
    "Reporting Service", "Feature Flags", "Status Page",
)  # fmt: skip
OWNERS: Final = (
    "Ada Jansen", "Ben Okafor", "Chiara Rossi", "Daan de Vries", "Elif Kaya", "Farid Rahimi",
    "Greta Lindholm", "Hugo Martin",
)  # fmt: skip

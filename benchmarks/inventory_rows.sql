-- An estate of a million items as it stands after some years: $1 items in 2,000 vaults of 50
-- subscriptions. Made from the numbers alone, so that every run has the same rows.
INSERT INTO scanner.subscription (id, name, state)
SELECT format('00000000-0000-4000-8000-%s', lpad(n::text, 12, '0')), format('Contoso %s', n), 'Enabled'
FROM generate_series(1, 50) AS n;

INSERT INTO scanner.vault (
    kind, name, uri, resource_id, subscription_id, resource_group, region, sku, rbac, outcome,
    last_scanned_at, last_complete_at, listed_at, items
)
SELECT 'vault', v.name, format('https://%s.vault.azure.net/', v.name),
       format('/subscriptions/%s/resourceGroups/rg-%s/providers/Microsoft.KeyVault/vaults/%s',
              v.subscription_id, n % 40, v.name),
       v.subscription_id, format('rg-%s', n % 40), (ARRAY['westeurope', 'northeurope', 'eastus2'])[n % 3 + 1],
       'standard', true, 'ok', now(), now(), now(), {items} / 2000
FROM generate_series(1, 2000) AS n
CROSS JOIN LATERAL (
    SELECT format('kv-%s-%s', (ARRAY['pay', 'orders', 'crm', 'web', 'data'])[n % 5 + 1], n) AS name,
           format('00000000-0000-4000-8000-%s', lpad((n % 50 + 1)::text, 12, '0')) AS subscription_id
) AS v
ORDER BY n;

INSERT INTO scanner.item (
    vault_id, subscription_id, kind, external_id, name, enabled, created_on, updated_on, not_before,
    expires_on, warning_at, critical_at, content_type, tags, recovery_level, recoverable_days,
    managed, version, first_seen_at, changed_at, deleted_at
)
SELECT v.id, v.subscription_id, k.kind, k.kind || 's/' || d.name || CASE WHEN d.managed THEN '-m' ELSE '' END,
       d.name, r.enabled > 0.04, now() - r.age * interval '900 days', now() - r.age * interval '400 days',
       CASE WHEN r.begin < 0.015 THEN now() + r.begin * interval '1300 days'
            WHEN r.begin < 0.2 THEN now() - r.age * interval '400 days' END,
       e.expires_on, e.expires_on - interval '30 days', e.expires_on - interval '7 days',
       CASE WHEN r.begin < 0.6 THEN 'text/plain' END,
       CASE WHEN r.tag < 0.12 THEN '{}'::jsonb ELSE jsonb_strip_nulls(jsonb_build_object(
           'team', 'team-' || (h.a % 40), 'environment', (ARRAY['prod', 'test', 'dev', 'qa'])[h.b % 4 + 1],
           'owner', CASE WHEN r.tag < 0.5 THEN 'owner-' || (h.a % 400) || '@contoso.example' END,
           'cost-center', CASE WHEN r.tag > 0.8 THEN 'CC-' || (1000 + h.b % 41) END)) END,
       'Recoverable+Purgeable', 90, d.managed, md5(n::text), now() - interval '400 days',
       now() - r.age * interval '400 days' - n * interval '1 microsecond',
       CASE WHEN r.enabled > 0.97 THEN now() - r.age * interval '90 days' END
FROM generate_series(1, {items}) AS n
CROSS JOIN LATERAL (
    SELECT hashint8extended(n, 1) & 1048575 AS a, hashint8extended(n, 2) & 1048575 AS b,
           hashint8extended(n, 3) & 1048575 AS c, hashint8extended(n, 4) & 1048575 AS d,
           hashint8extended(n, 5) & 1048575 AS e, hashint8extended(n, 6) & 1048575 AS f
) AS h
CROSS JOIN LATERAL (
    SELECT h.a / 1048576.0 AS ends, h.b / 1048576.0 AS enabled, h.c / 1048576.0 AS age,
           h.d / 1048576.0 AS begin, h.e / 1048576.0 AS tag, h.f / 1048576.0 AS kind
) AS r
CROSS JOIN LATERAL (
    SELECT CASE WHEN r.kind < 0.80 THEN 'secret' WHEN r.kind < 0.92 THEN 'key' ELSE 'certificate' END AS kind
) AS k
CROSS JOIN LATERAL (
    SELECT format('%s-%s-%s', (ARRAY['payments', 'orders', 'identity', 'catalog', 'billing', 'logistics',
                  'mobile', 'web', 'crm', 'analytics', 'search', 'notify', 'loyalty', 'pricing', 'fraud',
                  'iot', 'support', 'partners', 'returns', 'inventory'])[h.c % 20 + 1],
                  (ARRAY['sql-connection', 'api-key', 'client-secret', 'storage-key', 'redis', 'token',
                  'signing-key', 'webhook', 'sftp-password', 'tls'])[h.d % 10 + 1], n) AS name,
           k.kind <> 'certificate' AND r.kind BETWEEN 0.70 AND 0.86 AS managed
) AS d
CROSS JOIN LATERAL (
    SELECT CASE
        WHEN r.ends < 0.14 THEN NULL
        WHEN r.ends < 0.19 THEN now() - h.f / 1048576.0 * interval '220 days'
        WHEN r.ends < 0.215 THEN now() + h.f / 1048576.0 * interval '7 days'
        WHEN r.ends < 0.29 THEN now() + interval '7 days' + h.f / 1048576.0 * interval '23 days'
        ELSE now() + interval '30 days' + h.f / 1048576.0 * interval '670 days'
    END AS expires_on
) AS e
JOIN scanner.vault v ON v.id = n % 2000 + 1;

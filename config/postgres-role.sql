-- Rights in PostgreSQL: a role for the workers and one for the web app, each with what it needs and no more. Run by the
-- tables' owner (or a superuser), after `bundlectl schema apply` and again after each later one, as often as one likes:
--
--     psql -d bundles -f config/postgres-role.sql
--     psql -d bundles -c '\password bundle_worker' -c '\password bundle_web'
--
-- Neither role may create, alter or drop anything: `bundlectl schema apply` is the owner's. Where the web app brings
-- tables or views of its own under these names, bundle_worker needs SELECT on them.

DO $$
DECLARE
    role_name text;
BEGIN
    FOREACH role_name IN ARRAY ARRAY['bundle_worker', 'bundle_web'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION', role_name);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN -- it is there, or came this moment
            NULL;
        END;
    END LOOP;
END
$$;

REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT USAGE ON SCHEMA public TO bundle_worker, bundle_web;

-- What a later version of this file no longer grants goes.
REVOKE ALL ON schema_version, shops, csv_uploads, orders, order_lines, variants, inventory_levels, catalog_snapshot,
    bundle_recommendations, generation_progress FROM PUBLIC, bundle_worker, bundle_web;
GRANT SELECT ON schema_version TO bundle_worker, bundle_web;

-- The workers read uploads, write bundles, and say how far they are.
GRANT SELECT ON shops, csv_uploads, orders, order_lines, variants, inventory_levels, catalog_snapshot TO bundle_worker;
GRANT UPDATE (status, error_message, request, last_job, fence, bundle_generation_metrics, updated_at) ON csv_uploads
    TO bundle_worker;
GRANT UPDATE (is_slow_mover, is_new_launch, is_seasonal, is_high_margin) ON catalog_snapshot TO bundle_worker;
GRANT SELECT, INSERT, UPDATE, DELETE ON bundle_recommendations TO bundle_worker;
GRANT SELECT, INSERT, UPDATE ON generation_progress TO bundle_worker;

-- The web app (and `bundlectl import`, `shop`, `bundles`) brings uploads and their rows and takes them away, reads bundles,
-- and marks those that the merchant approves and uses.
GRANT SELECT, INSERT, UPDATE ON shops TO bundle_web;
GRANT SELECT, INSERT, DELETE, UPDATE ON csv_uploads, orders, order_lines, variants, inventory_levels, catalog_snapshot
    TO bundle_web;
GRANT SELECT, UPDATE (is_approved, is_used) ON bundle_recommendations TO bundle_web;
GRANT SELECT ON generation_progress TO bundle_web;

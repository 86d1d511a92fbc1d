#include "worker/store/shop_options.h"

#include "common/check.h"
#include "worker/store/pg_internal.h"

static bool run(struct pg *pg, const char *what, const char *sql, struct str shop, struct str json, PGresult **result,
                struct err *e)
{
    AUTO(buf_finip) struct buf shop_text, json_text;
    buf_init(&shop_text, 1 << 20);
    buf_init(&json_text, 1 << 20);
    buf_put(&shop_text, shop.ptr, shop.len);
    buf_put(&json_text, json.ptr, json.len);
    const char *const values[] = {shop_text.data, json_text.data};
    return buf_ok(&shop_text, "the shop's name", e) && buf_ok(&json_text, "the shop's options", e) &&
           pg_connect(pg, e) && pg_query(pg, what, sql, json.len ? 2 : 1, values, result, e);
}

bool shop_options_read(struct pg *pg, struct str shop, struct buf *json, struct err *e)
{
    AUTO(pg_result_clearp) PGresult *result = NULL;
    if (!run(pg, "reading the shop's options",
             "SELECT left(settings::text, 65537) FROM shops WHERE shop_id = $1 AND settings <> '{}'", shop, STR(""),
             &result, e))
        return false;
    buf_puts(json, PQntuples(result) ? PQgetvalue(result, 0, 0) : "");
    return buf_ok(json, "the shop's options", e);
}

bool shop_options_write(struct pg *pg, struct str shop, struct str json, struct err *e)
{
    return run(pg, "storing the shop's options",
               "INSERT INTO shops (shop_id, settings) VALUES ($1, $2::jsonb) ON CONFLICT (shop_id) DO UPDATE SET "
               "settings = excluded.settings",
               shop, json, NULL, e);
}

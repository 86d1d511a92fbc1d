#include "worker/store/upload_internal.h"

#include <stdio.h>

#include "common/check.h"

#define FILE_COLUMNS                                                                                                   \
    "u.id::text, u.run_id, u.csv_type, u.status, u.last_job IS NULL, u.error_message, "                                \
    "extract(epoch FROM pg_postmaster_start_time())::text"
// In the first row only: files of a run may be many.
#define SHOP_OPTIONS                                                                                                   \
    "CASE WHEN row_number() OVER (ORDER BY u.created_at DESC, u.id DESC) = 1 THEN (SELECT left(settings::text, "       \
    "65537) FROM shops WHERE shop_id = %s AND settings <> '{}') END"
enum {
    COL_SHOP_KNOWN,
    COL_SHOP_OPTIONS,
    COL_ID,
    COL_RUN,
    COL_TYPE,
    COL_STATUS,
    COL_NO_JOB,
    COL_ERROR,
    COL_SERVER,
    COLS
};

bool upload_put_condition(struct pg *pg, struct buf *sql, struct str shop, struct str upload, struct err *e)
{
    AUTO(buf_finip) struct buf shop_literal, upload_literal;
    buf_init(&shop_literal, UPLOAD_SQL_MAX);
    buf_init(&upload_literal, UPLOAD_SQL_MAX);
    if (!pg_put_literal(pg, &shop_literal, shop, e) || !pg_put_literal(pg, &upload_literal, upload, e))
        return false;
    const char *s = buf_str(&shop_literal).ptr, *u = buf_str(&upload_literal).ptr;
    buf_printf(sql, "u.shop_id = %s AND (u.run_id = %s", s, u);
    if (pg_is_uuid(upload))
        buf_printf(sql,
                   " OR u.id = %s::uuid OR u.run_id = (SELECT n.run_id FROM csv_uploads n WHERE n.shop_id = %s AND "
                   "n.id = %s::uuid AND n.run_id <> '')",
                   u, s, u);
    buf_puts(sql, ")");
    return true;
}

// Always one row at least: without files it has a NULL id, and still tells whether the shop is known.
bool upload_put_info(struct pg *pg, struct buf *sql, struct str shop, struct str condition, struct err *e)
{
    AUTO(buf_finip) struct buf shop_literal;
    buf_init(&shop_literal, UPLOAD_SQL_MAX);
    if (!pg_put_literal(pg, &shop_literal, shop, e))
        return false;
    const char *s = buf_str(&shop_literal).ptr;
    buf_printf(
        sql,
        "SELECT EXISTS (SELECT FROM shops WHERE shop_id = %s) OR EXISTS (SELECT FROM csv_uploads WHERE shop_id = "
        "%s), " SHOP_OPTIONS ", " FILE_COLUMNS " FROM (VALUES (1)) one (x) LEFT JOIN csv_uploads u ON " STR_FMT
        " ORDER BY u.created_at DESC, u.id DESC",
        s, s, s, STR_ARG(condition));
    return true;
}

static int hex_digit(char c)
{
    return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

static void uuid_bytes(const char *text, uint8_t out[PGBIN_UUID_BYTES])
{
    size_t n = 0;
    for (const char *p = text; *p && n < PGBIN_UUID_BYTES * 2; p++) {
        if (*p == '-')
            continue;
        uint8_t digit = (uint8_t)hex_digit(*p);
        out[n / 2] = (uint8_t)(n % 2 ? out[n / 2] | digit : digit << 4);
        n++;
    }
}

static bool fail_not_found(const PGresult *r, struct str shop, struct str upload, struct err *e)
{
    bool is_shop_known = PQgetvalue(r, 0, COL_SHOP_KNOWN)[0] == 't';
    if (!is_shop_known)
        return err_set(e, ERR_NOT_FOUND, "no shop \"" STR_FMT "\"", STR_ARG(shop));
    return err_set(e, ERR_NOT_FOUND, "shop \"" STR_FMT "\" has no upload \"" STR_FMT "\"", STR_ARG(shop),
                   STR_ARG(upload));
}

// "failed" by a job is worth another job; by the import it is not.
static bool check_status(const PGresult *r, int row, struct err *e)
{
    const char *status = PQgetvalue(r, row, COL_STATUS), *id = PQgetvalue(r, row, COL_ID);
    if (strcmp(status, "importing") == 0)
        return err_set(e, ERR_INPUT, "upload %s is still being imported", id);
    if (strcmp(status, "failed") == 0 && PQgetvalue(r, row, COL_NO_JOB)[0] == 't')
        return err_set(e, ERR_INPUT, "the import of upload %s failed: %s", id, PQgetvalue(r, row, COL_ERROR));
    return true;
}

// The file named, else the run's first orders file, else its first.
static int home_row(const PGresult *r, struct str upload)
{
    int home = PQntuples(r) - 1;
    for (int i = 0; i < PQntuples(r); i++) // newest first: the last match is the oldest
        if (strcmp(PQgetvalue(r, i, COL_TYPE), "orders") == 0)
            home = i;
    for (int i = 0; i < PQntuples(r); i++)
        if (str_eq_nocase(str_of(PQgetvalue(r, i, COL_ID)), upload))
            home = i;
    return home;
}

bool upload_take_info(const PGresult *r, struct str shop, struct str upload, struct upload_info *info,
                      struct upload_files *files, struct err *e)
{
    int n = PQntuples(r);
    if (PQnfields(r) != COLS || n < 1)
        return err_set(e, ERR_PG, "reading the upload: an unexpected result");
    if (PQgetisnull(r, 0, COL_ID))
        return fail_not_found(r, shop, upload, e);
    if (n > UPLOAD_FILES_MAX)
        return err_set(e, ERR_LIMIT, "the run has %d files, at most %d are loaded", n, UPLOAD_FILES_MAX);
    for (int i = 0; i < n; i++) {
        if (!check_status(r, i, e))
            return false;
        uuid_bytes(PQgetvalue(r, i, COL_ID), files->ids[i]);
    }
    files->n = (unsigned)n;
    int home = home_row(r, upload);
    (void)snprintf(files->server, sizeof files->server, "%s", PQgetvalue(r, 0, COL_SERVER));
    *info = (struct upload_info){.n_files = files->n};
    (void)snprintf(info->csv_upload_id, sizeof info->csv_upload_id, "%s", PQgetvalue(r, home, COL_ID));
    (void)snprintf(info->run_id, sizeof info->run_id, "%s", PQgetvalue(r, home, COL_RUN));
    return true;
}

struct str upload_shop_options(const PGresult *r)
{
    return str_of(PQgetvalue(r, 0, COL_SHOP_OPTIONS)); // "" for NULL
}

bool upload_find(struct pg *pg, struct str shop, struct str upload, struct upload_info *info, struct err *e)
{
    AUTO(buf_finip) struct buf sql, condition;
    buf_init(&sql, UPLOAD_SQL_MAX);
    buf_init(&condition, UPLOAD_SQL_MAX);
    if (!pg_connect(pg, e) || !upload_put_condition(pg, &condition, shop, upload, e) ||
        !upload_put_info(pg, &sql, shop, buf_str(&condition), e) || !buf_ok(&sql, "the upload's name", e))
        return false;
    AUTO(pg_result_clearp) PGresult *result = NULL;
    struct upload_files files;
    return pg_query(pg, "reading the upload", sql.data, 0, NULL, &result, e) &&
           upload_take_info(result, shop, upload, info, &files, e);
}

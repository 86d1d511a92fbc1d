// Any bytes as an upload: CSV files (separated by form feeds, as many files of one run) -> rows -> dataset -> what is
// mined -> artefact, and back from its blob. Refused with an error or taken; what is taken keeps every invariant, and
// its blob decodes to the same bytes.

#include "fuzz.h"

#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "worker/dataset/builder.h"
#include "worker/store/artefact.h"
#include "worker/store/csv_read.h"

enum { FILES_MAX = 5, LINES_MAX = 10000, MEMORY_MAX = 256 << 20, ROW_MAX = 64 << 10 };

static const char ORDERS[] =
    "order_id,customer_id,created_at,currency,financial_status,variant_id,sku,name,variant_title,"
    "category,quantity,unit_price,line_discount\n"
    "1,c1,2024-01-05,USD,paid,v1,A-1,Blue Mug,Large,Mugs,2,9.99,0.50\n"
    "1,c1,2024-01-05,USD,paid,v2,A-2,Plate,,Plates,1,5.00,\n"
    "2,c2,2024-02-01T10:00:00Z,USD,refunded,v1,A-1,Blue Mug,Large,Mugs,1,9.99,0\n"
    "3,,2024-02-03,USD,paid,,A-2,Plate,,Plates,3,,\n"
    "3,,2024-02-03,USD,paid,v1,A-1,\"Mug, \"\"Blue\"\"\",Large,Mugs,1,9.99,\n"
    "4,c1,2024-02-28,EUR,paid,,POST,Postage,,,1,3.00,\n";
static const char INVOICES[] = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
                               "536365,85123A,WHITE HANGING HEART,6,12/1/2010 8:26,2.55,17850,United Kingdom\n"
                               "536365,71053,WHITE METAL LANTERN,6,12/1/2010 8:26,3.39,17850,United Kingdom\n"
                               "C536379,D,Discount,-1,12/1/2010 9:41,27.5,14527,United Kingdom\n";
static const char CATALOG[] =
    "product_id,product_title,product_type,vendor,tags,product_status,product_created_at,variant_id,"
    "sku,variant_title,inventory_item_id,price,compare_at_price,cost,available_total\n"
    "p1,Blue Mug,Mugs,Acme,\"gift, winter\",active,2024-01-01,v1,A-1,Large,i1,9.99,12.00,4.00,25\n"
    "p2,Plate,Plates,,,archived,,v2,A-2,Default Title,i2,5.00,,,0\n";
static const char INVENTORY[] =
    "inventory_item_id,location_id,available,updated_at\ni1,l1,20,2024-02-01\ni1,l2,5,2024-02-01\n";

void fuzz_put_seeds(void)
{
    char run[8192];
    fuzz_seed("orders", str_of(ORDERS));
    fuzz_seed("invoices", str_of(INVOICES));
    int len = snprintf(run, sizeof run, "%s\f%s\f%s", ORDERS, CATALOG, INVENTORY);
    fuzz_seed("run", (struct str){run, (size_t)len});
    len = snprintf(run, sizeof run, "%s\f%s", ORDERS, ORDERS);
    fuzz_seed("overlap", (struct str){run, (size_t)len});
}

struct upload {
    struct builder *builder;
    unsigned source;
};

static bool on_row(void *context, const struct row *row, struct err *e)
{
    const struct upload *u = context;
    return builder_add(u->builder, row, u->source, e);
}

static void on_reject(void *context, uint64_t line, struct str column, const char *reason)
{
    (void)context, (void)line, (void)column;
    CHECK(reason[0]);
}

static bool read_file(struct upload *u, struct str bytes, struct err *e)
{
    const struct csv_options options = {.kind = -1, .currency = STR("GBP"), .row_bytes_max = ROW_MAX};
    const struct csv_sink sink = {.on_row = on_row, .on_reject = on_reject, .context = u};
    struct csv_report report;
    char path[64];
    int fd = memfd_create("upload", 0);
    CHECK(fd >= 0 && write(fd, bytes.ptr, bytes.len) == (ssize_t)bytes.len);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    bool ok = csv_read(path, &options, &sink, &report, e);
    CHECK(close(fd) == 0);
    return ok;
}

static bool read_files(struct upload *u, struct str bytes, struct err *e)
{
    for (u->source = 0; u->source < FILES_MAX && bytes.len > 0; u->source++) {
        const char *end = memchr(bytes.ptr, '\f', bytes.len);
        size_t len = end ? (size_t)(end - bytes.ptr) : bytes.len;
        if (!read_file(u, (struct str){bytes.ptr, len}, e))
            return false;
        bytes.ptr += end ? len + 1 : len;
        bytes.len -= end ? len + 1 : len;
    }
    return true;
}

static void round_trip(const struct artefact *a, struct str blob)
{
    AUTO(artefact_destroyp) struct artefact *back = NULL;
    AUTO(buf_fini) struct buf again;
    struct err e;
    buf_init(&again, ARTEFACT_BLOB_MAX);
    CHECK(artefact_decode(&back, blob, &e));
    CHECK(strcmp(back->fingerprint, a->fingerprint) == 0);
    artefact_encode(back, &again);
    CHECK(str_eq(buf_str(&again), blob));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct enrich_rules rules = ENRICH_RULES_DEFAULT;
    AUTO(artefact_destroyp) struct artefact *a = NULL;
    AUTO(buf_fini) struct buf blob;
    const struct mined_rules mining = mined_rules_default();
    struct dataset *d = NULL;
    struct err e = {0};
    buf_init(&blob, ARTEFACT_BLOB_MAX);
    rules.lines_max = LINES_MAX;
    rules.memory_max_bytes = MEMORY_MAX;
    AUTO(builder_destroyp) struct builder *b = builder_create(&rules);
    struct upload u = {.builder = b};
    if (!read_files(&u, (struct str){(const char *)data, len}, &e) || !builder_finish(b, &d, &e)) {
        CHECK(e.kind != ERR_NONE && e.message[0]);
        return 0;
    }
    CHECK(artefact_make(&a, d, &mining, NULL, NULL, &blob, &e));
    round_trip(a, buf_str(&blob));
    return 0;
}

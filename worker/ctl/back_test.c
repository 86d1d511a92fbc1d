#include "worker/ctl/back_test.h"

#include <sys/stat.h>

#include "common/check.h"
#include "common/intern.h"

// ---- which rows ----

struct order_ids {
    struct arena memory;
    struct intern ids;
};

static void order_ids_init(struct order_ids *o)
{
    arena_init(&o->memory, 0);
    intern_init(&o->ids, &o->memory);
}

static void order_ids_fini(struct order_ids *o)
{
    intern_fini(&o->ids);
    arena_fini(&o->memory);
}

static bool is_of_order(const struct row *row)
{
    return row->kind == ROW_ORDER || row->kind == ROW_LINE;
}

static bool is_known(const struct order_ids *o, const struct row *row)
{
    struct str id = row->kind == ROW_ORDER ? row->order.order_id : row->line.order_id;
    return intern_find(&o->ids, str_trim(id)) != INTERN_NONE;
}

struct training_rows {
    const struct order_ids *ids;
    int64_t newest; // order; DATE_UNKNOWN: there are no dates
};

// What was not in the catalogue yet cannot have been offered.
static bool is_of_training(void *training_, const struct row *row)
{
    const struct training_rows *t = training_;
    if (is_of_order(row))
        return is_known(t->ids, row);
    return row->kind != ROW_CATALOG || t->newest == DATE_UNKNOWN || row->catalog.product_created_at == DATE_UNKNOWN ||
           row->catalog.product_created_at <= t->newest;
}

static bool is_catalogue_or_unknown(void *ids, const struct row *row)
{
    return !is_of_order(row) || !is_known(ids, row);
}

static bool is_catalogue(void *context, const struct row *row)
{
    (void)context;
    return !is_of_order(row);
}

// ---- datasets ----

struct run {
    struct back_test_request *request;
    struct file_rejects *rejects;
    struct back_test *out;
    struct enrich_rules rules;
    struct order_ids train_ids;
    int64_t train_newest; // of their dates
    struct split split;
    struct dataset *other; // what `out` does not keep: all orders, or those of the test files
};

static void run_fini(struct run *r)
{
    order_ids_fini(&r->train_ids);
    dataset_destroy(r->other);
}

// What can't be read twice would be empty the second time.
static bool check_files(const struct upload_files *f, struct err *e)
{
    for (unsigned i = 0; i < f->n; i++) {
        struct stat s;
        if (stat(f->paths[i], &s) == 0 && !S_ISREG(s.st_mode))
            return err_set(e, ERR_INPUT, "%.200s is no regular file, and a back-test reads its files twice",
                           f->paths[i]);
    }
    return true;
}

static void keep_ids(struct run *r, const struct builder *builder, const struct dataset *d, const bool *is_train)
{
    r->train_newest = DATE_UNKNOWN;
    for (uint32_t o = 0; o < d->n_orders; o++) {
        if (is_train && !is_train[o])
            continue;
        (void)intern_add(&r->train_ids.ids, builder_order_id(builder, o));
        if (d->order_at[o] > r->train_newest)
            r->train_newest = d->order_at[o];
    }
}

static bool choose(struct run *r, const struct dataset *d, struct err *e)
{
    struct split_rules *rules = &r->request->split;
    if (!r->request->is_by_given)
        rules->by = d->has_dates ? SPLIT_BY_DATE : SPLIT_BY_CHANCE;
    if (!split_orders(d, rules, &r->out->job.memory, &r->split, e))
        return false;
    r->out->rules = rules;
    return true;
}

// The files' dataset; its orders, or those of them that the split trains on, become train_ids.
static bool read_all(struct run *r, bool is_split, struct dataset **out, struct err *e)
{
    AUTO(builder_destroyp) struct builder *builder = builder_create(&r->rules);
    builder_keep_order_ids(builder);
    if (!upload_files_read(&r->request->files, 0, (struct row_filter){0}, builder, r->rejects, e) ||
        !builder_finish(builder, out, e) || (is_split && !choose(r, *out, e)))
        return false;
    keep_ids(r, builder, *out, r->split.is_train);
    return true;
}

static bool read_training(struct run *r, struct err *e)
{
    AUTO(builder_destroyp) struct builder *builder = builder_create(&r->rules);
    struct training_rows rows = {&r->train_ids, r->train_newest};
    struct row_filter filter = {is_of_training, &rows};
    return upload_files_read(&r->request->files, 0, filter, builder, NULL, e) &&
           builder_finish(builder, &r->out->job.data, e);
}

// The catalogue tells what the lines of either file mean; orders that trained already can't test.
static bool read_test(struct run *r, struct err *e)
{
    AUTO(builder_destroyp) struct builder *builder = builder_create(&r->rules);
    const struct upload_files *files = &r->request->files;
    return upload_files_read(files, 0, (struct row_filter){is_catalogue, NULL}, builder, NULL, e) &&
           upload_files_read(&r->request->test, files->n, (struct row_filter){is_catalogue_or_unknown, &r->train_ids},
                             builder, r->rejects, e) &&
           builder_finish(builder, &r->other, e);
}

static bool read_files(struct run *r, struct err *e)
{
    if (!check_files(&r->request->files, e))
        return false;
    if (r->request->test.n > 0)
        return read_all(r, false, &r->out->job.data, e) && read_test(r, e);
    return read_all(r, true, &r->other, e) && read_training(r, e);
}

// ---- the test ----

static bool check_orders(const struct run *r, struct err *e)
{
    uint32_t n_train = multi_item_orders(r->out->job.data);
    if (n_train == 0)
        return err_set(e, ERR_INPUT, "no training order has two or more products: there is nothing to learn from");
    if (multi_item_orders(r->other) == 0)
        return err_set(e, ERR_INPUT, "no held-out order has two or more products: there is nothing to test on");
    return true;
}

bool back_test_run(struct back_test_request *request, struct file_rejects *rejects, struct back_test *out,
                   struct err *e)
{
    AUTO(run_fini) struct run r = {.request = request, .rejects = rejects, .out = out};
    *rejects = (struct file_rejects){0};
    *out = (struct back_test){0};
    order_ids_init(&r.train_ids);
    whole_job_init(&out->job, request->settings, &request->job);
    r.rules = whole_job_enrich_rules(&out->job);
    if (!read_files(&r, e) || !check_orders(&r, e) || !whole_job_mine(&out->job, e) || !whole_job_offer(&out->job, e))
        return false;
    const struct evaluate_input in = {
        .market = &out->job.market,
        .bundles = &out->job.bundles,
        .test = r.other,
        .is_excluded = r.split.is_train,
        .basket_max = (uint32_t)request->settings->mining_basket_max,
        .cuts = request->cuts,
    };
    evaluate(&in, &out->scores);
    out->train_to = out->job.data->as_of;
    out->test_to = r.other->as_of;
    return true;
}

void back_test_fini(struct back_test *t)
{
    whole_job_fini(&t->job);
}

#include "worker/ctl/csv_input.h"

#include "common/json_out.h"
#include "worker/ctl/spreadsheet.h"
#include "worker/dataset/money.h"

void csv_input_help(struct buf *out)
{
    buf_puts(
        out,
        "\nfiles:\n"
        "Headers are recognised without case, spaces and underscores: this project's own names, Shopify's orders\n"
        "and products exports, GraphQL-style names (lineItemQuantity), the UCI Online Retail file. Plain or gzip,\n"
        "UTF-8. Dates may be written as\n");
    buf_puts(out, DATE_FORMATS_HELP);
    buf_putc(out, '\n');
}

bool csv_input_options(const struct args *a, struct csv_options *out, struct err *e)
{
    static const int KINDS[] = {CSV_ORDERS, CSV_VARIANTS, CSV_INVENTORY, CSV_CATALOG};
    const char *currency = args_value(a, "currency");
    unsigned decimals;
    int kind = args_choice(a, "kind");
    if (currency && !currency_decimals(str_of(currency), &decimals))
        return err_set(e, ERR_USAGE, "--currency %.16s: must be an ISO 4217 code such as USD, EUR or JPY", currency);
    *out = (struct csv_options){
        .kind = kind < 0 ? -1 : KINDS[kind],
        .date_order = args_choice(a, "date-order") == 1 ? DATE_DMY : DATE_MDY,
        .currency = str_of(currency),
        .row_bytes_max = 1 << 20,
    };
    return true;
}

void csv_rejects_print(const struct import_reject *rejects, size_t n, uint64_t total, struct buf *out)
{
    size_t shown = n < CSV_REJECTS_SHOWN ? n : CSV_REJECTS_SHOWN;
    for (size_t i = 0; i < shown; i++) {
        const struct import_reject *r = &rejects[i];
        term_put(out, str_of(r->file));
        buf_printf(out, ":%llu: ", (unsigned long long)r->line);
        term_put(out, str_of(r->column));
        buf_puts(out, r->column[0] ? ": " : "");
        term_put(out, str_of(r->reason));
        buf_putc(out, '\n');
    }
    if (total > shown) {
        buf_puts(out, "... and ");
        term_put_count(out, total - shown);
        buf_puts(out, " more rows\n");
    }
}

void csv_rejects_csv(const struct import_reject *rejects, size_t n, struct buf *out)
{
    buf_puts(out, "file,line,column,reason\r\n");
    for (size_t i = 0; i < n; i++) {
        spreadsheet_put_cell(out, str_of(rejects[i].file));
        buf_printf(out, ",%llu,", (unsigned long long)rejects[i].line);
        spreadsheet_put_cell(out, str_of(rejects[i].column));
        buf_putc(out, ',');
        spreadsheet_put_cell(out, str_of(rejects[i].reason));
        buf_puts(out, "\r\n");
    }
}

void csv_rejects_json(const struct import_reject *rejects, size_t n, struct json_out *j)
{
    json_out_array(j);
    for (size_t i = 0; i < n; i++) {
        json_out_object(j);
        json_out_key_str(j, "file", str_of(rejects[i].file));
        json_out_key_int(j, "line", (int64_t)rejects[i].line);
        json_out_key_str(j, "column", str_of(rejects[i].column));
        json_out_key_str(j, "reason", str_of(rejects[i].reason));
        json_out_end(j);
    }
    json_out_end(j);
}

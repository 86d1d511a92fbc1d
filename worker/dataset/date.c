#include "worker/dataset/date.h"

#include "worker/dataset/rows.h"

const char DATE_FORMATS_HELP[] =
    "2016-10-30, 2016-10-30 9:58:11, 2016-10-30T09:58:11Z, 2016-10-30T09:58:11+02:00, 2023-01-31 10:15:00 -0500,\n"
    "2023-01-31 10:15:00 UTC, 2016/10/30 09:58, 12/1/2010 8:26 (month first; day first on request), 01.12.2010 08:26,\n"
    "1 Dec 2010, 1-Dec-2010, Dec 1, 2010 8:26 AM; fractional seconds are cut; without an offset: UTC.\n"
    "Years 1900 to 2199.";

enum { YEAR_MIN = 1900, YEAR_MAX = 2199, SECONDS_A_DAY = 86400 };

struct cursor {
    const char *at, *end;
};

struct civil {
    int year, month, day;
};

static char peek(const struct cursor *c)
{
    return c->at < c->end ? *c->at : '\0';
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

static bool is_letter(char c)
{
    return lower(c) >= 'a' && lower(c) <= 'z';
}

static bool take(struct cursor *c, char wanted)
{
    if (peek(c) != wanted || c->at == c->end)
        return false;
    c->at++;
    return true;
}

static unsigned skip_spaces(struct cursor *c)
{
    unsigned n = 0;
    while (take(c, ' '))
        n++;
    return n;
}

// A number of at least `least` and at most `most` digits that is not followed by another digit.
static bool take_number(struct cursor *c, unsigned least, unsigned most, int *value, unsigned *n_digits)
{
    unsigned n = 0;
    int number = 0;
    for (; is_digit(peek(c)); c->at++, n++) {
        if (n == most)
            return false;
        number = number * 10 + (peek(c) - '0');
    }
    *value = number;
    if (n_digits)
        *n_digits = n;
    return n >= least;
}

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static bool civil_is_valid(const struct civil *d)
{
    static const int DAYS[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    if (d->year < YEAR_MIN || d->year > YEAR_MAX || d->month < 1 || d->month > 12 || d->day < 1)
        return false;
    return d->day <= DAYS[d->month - 1] + (d->month == 2 && is_leap(d->year));
}

// Days since 1970-01-01. Years are counted from March, so that the leap day is the last of its year and the days before
// a month are a straight line: (153 m + 2) / 5.
static int64_t days_of_civil(int64_t year, int month, int day)
{
    int64_t y = month > 2 ? year : year - 1;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

static void civil_of_days(int64_t days, int64_t *year, int *month, int *day)
{
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t day_of_era = z - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month_from_march = (5 * day_of_year + 2) / 153;
    *day = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    *month = (int)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    *year = era * 400 + year_of_era + (*month <= 2);
}

// An English month, in full or its first three letters ("Sept" too).
static bool take_month(struct cursor *c, int *month)
{
    static const char *const NAMES[] = {"january", "february", "march",     "april",   "may",      "june",
                                        "july",    "august",   "september", "october", "november", "december"};
    size_t n = 0;
    while (c->at + n < c->end && is_letter(c->at[n]))
        n++;
    for (int m = 0; m < 12; m++) {
        size_t full = strlen(NAMES[m]);
        if (n != full && n != 3 && !(m == 8 && n == 4))
            continue;
        size_t same = 0;
        while (same < n && same < full && lower(c->at[same]) == NAMES[m][same])
            same++;
        if (same == n) {
            c->at += n;
            *month = m + 1;
            return true;
        }
    }
    return false;
}

// "Dec 1, 2010"
static bool take_month_first(struct cursor *c, struct civil *d)
{
    if (!take_month(c, &d->month))
        return false;
    take(c, '.');
    if (skip_spaces(c) == 0 || !take_number(c, 1, 2, &d->day, NULL))
        return false;
    bool has_comma = take(c, ',');
    return (skip_spaces(c) > 0 || has_comma) && take_number(c, 4, 4, &d->year, NULL);
}

// "1 Dec 2010", "1-Dec-2010": the number has been read.
static bool take_named_month(struct cursor *c, char separator, struct civil *d)
{
    if (separator == ' ')
        skip_spaces(c);
    if (!take_month(c, &d->month))
        return false;
    if (!take(c, separator))
        return false;
    return take_number(c, 4, 4, &d->year, NULL);
}

// "12/1/2010": the first number and the slash have been read.
static bool take_slashes(struct cursor *c, enum date_order order, int first, struct civil *d)
{
    int second;
    if (!take_number(c, 1, 2, &second, NULL) || !take(c, '/') || !take_number(c, 4, 4, &d->year, NULL))
        return false;
    bool is_day_first = order == DATE_DMY || first > 12;
    d->day = is_day_first ? first : second;
    d->month = is_day_first ? second : first;
    return true;
}

static bool take_year_first(struct cursor *c, struct civil *d)
{
    char separator = peek(c);
    if (separator != '-' && separator != '/')
        return false;
    c->at++;
    return take_number(c, 1, 2, &d->month, NULL) && take(c, separator) && take_number(c, 1, 2, &d->day, NULL);
}

static bool take_date(struct cursor *c, enum date_order order, struct civil *d)
{
    if (is_letter(peek(c)))
        return take_month_first(c, d);
    int first;
    unsigned n_digits;
    if (!take_number(c, 1, 4, &first, &n_digits))
        return false;
    if (n_digits == 4) {
        d->year = first;
        return take_year_first(c, d);
    }
    if (n_digits > 2)
        return false;
    if (take(c, '/'))
        return take_slashes(c, order, first, d);
    d->day = first;
    if (take(c, '.'))
        return take_number(c, 1, 2, &d->month, NULL) && take(c, '.') && take_number(c, 4, 4, &d->year, NULL);
    char separator = peek(c);
    if (separator != ' ' && separator != '-')
        return false;
    c->at++;
    return take_named_month(c, separator, d);
}

static bool take_meridiem(struct cursor *c, int *hour)
{
    if (c->end - c->at < 2 || lower(c->at[1]) != 'm')
        return true;
    char half = lower(c->at[0]);
    if (half != 'a' && half != 'p')
        return true;
    if (*hour < 1 || *hour > 12)
        return false;
    *hour = *hour % 12 + (half == 'p' ? 12 : 0);
    c->at += 2;
    return true;
}

static bool take_clock(struct cursor *c, int *seconds)
{
    int hour, minute, second = 0;
    if (!take_number(c, 1, 2, &hour, NULL) || !take(c, ':') || !take_number(c, 2, 2, &minute, NULL))
        return false;
    if (take(c, ':')) {
        if (!take_number(c, 2, 2, &second, NULL))
            return false;
        if (take(c, '.')) {
            if (!is_digit(peek(c)))
                return false;
            while (is_digit(peek(c)))
                c->at++;
        }
    }
    skip_spaces(c);
    if (!take_meridiem(c, &hour) || hour > 23 || minute > 59 || second > 59)
        return false;
    *seconds = (hour * 60 + minute) * 60 + second;
    return true;
}

// Z, UTC, GMT, +02, +0200, +02:00 or nothing: seconds east of UTC.
static bool take_zone(struct cursor *c, int *east)
{
    *east = 0;
    skip_spaces(c);
    size_t left = (size_t)(c->end - c->at);
    if (left == 0)
        return true;
    struct str rest = {c->at, left};
    if (str_eq_nocase(rest, STR("Z")) || str_eq_nocase(rest, STR("UTC")) || str_eq_nocase(rest, STR("GMT"))) {
        c->at = c->end;
        return true;
    }
    int sign = peek(c) == '-' ? -1 : 1;
    if (!take(c, '-') && !take(c, '+'))
        return false;
    int number, minutes = 0;
    unsigned n_digits;
    if (!take_number(c, 2, 4, &number, &n_digits) || n_digits == 3)
        return false;
    int hours = n_digits == 4 ? number / 100 : number;
    if (n_digits == 4)
        minutes = number % 100;
    else if (take(c, ':') && !take_number(c, 2, 2, &minutes, NULL))
        return false;
    if (hours > 15 || minutes > 59)
        return false;
    *east = sign * (hours * 60 + minutes) * 60;
    return true;
}

// Between date and time: "T", or spaces, or ", ".
static bool take_gap(struct cursor *c)
{
    if (take(c, 'T') || take(c, 't'))
        return true;
    take(c, ',');
    return skip_spaces(c) > 0;
}

bool date_parse(struct str text, enum date_order order, int64_t *unix_s)
{
    struct str trimmed = str_trim(text);
    struct cursor c = {trimmed.ptr, trimmed.ptr + trimmed.len};
    struct civil d;
    int seconds = 0, east = 0;
    if (trimmed.len == 0 || !take_date(&c, order, &d) || !civil_is_valid(&d))
        return false;
    if (c.at < c.end && (!take_gap(&c) || !take_clock(&c, &seconds) || !take_zone(&c, &east)))
        return false;
    if (c.at < c.end)
        return false;
    *unix_s = days_of_civil(d.year, d.month, d.day) * SECONDS_A_DAY + seconds - east;
    return true;
}

void date_print(struct buf *out, int64_t unix_s)
{
    if (unix_s == DATE_UNKNOWN)
        return;
    int64_t days = unix_s / SECONDS_A_DAY - (unix_s % SECONDS_A_DAY < 0);
    int seconds = (int)(unix_s - days * SECONDS_A_DAY);
    int64_t year;
    int month, day;
    civil_of_days(days, &year, &month, &day);
    buf_printf(out, "%04lld-%02d-%02dT%02d:%02d:%02dZ", (long long)year, month, day, seconds / 3600, seconds / 60 % 60,
               seconds % 60);
}

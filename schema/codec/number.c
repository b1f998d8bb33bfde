#include "schema/codec/number.h"

#include "schema/base/put.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- writing ------------------------------------------------------------------------------------------ */

enum { DATE_SIZE = 11 };

/* Writes "2026-11-20T". Does its own arithmetic, because strftime() took a fifth of the time of a list. The algorithm
 * is civil_from_days of Howard Hinnant's "chrono-compatible low-level date algorithms", whose years begin in March. */
static void date_to_text(unsigned day_of_1970, char out[DATE_SIZE])
{
    unsigned days = day_of_1970 + 719468, era = days / 146097, day_of_era = days % 146097;
    unsigned year = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    unsigned day_of_year = day_of_era - (365 * year + year / 4 - year / 100);
    unsigned month = (5 * day_of_year + 2) / 153, day = day_of_year - (153 * month + 2) / 5 + 1;
    month = month < 10 ? month + 3 : month - 9;
    year += era * 400 + (month <= 2);
    memcpy(out, "0000-00-00T", DATE_SIZE);
    aq_put_pair(out, year / 100);
    aq_put_pair(out + 2, year % 100);
    aq_put_pair(out + 5, month);
    aq_put_pair(out + 8, day);
}

/* Lists show several times per row, most of them on the same day: the date shown last is kept. */
size_t aq_time_to_text(uint64_t time_ms, char out[AQ_TIME_TEXT_SIZE])
{
    static _Thread_local struct {
        unsigned day;
        char text[DATE_SIZE];
    } last = {0, "1970-01-01T"};
    const uint64_t last_ms = 253402300799999; /* of the year 9999 */
    if (time_ms > last_ms)
        return (size_t)snprintf(out, AQ_TIME_TEXT_SIZE, "%" PRIu64 "ms", time_ms);
    unsigned day = (unsigned)(time_ms / 86400000), rest = (unsigned)(time_ms % 86400000);
    if (day != last.day) {
        last.day = day;
        date_to_text(day, last.text);
    }
    unsigned seconds = rest / 1000, ms = rest % 1000;
    memcpy(out, last.text, DATE_SIZE);
    memcpy(out + DATE_SIZE, "00:00:00.000Z", 14);
    aq_put_pair(out + 11, seconds / 3600);
    aq_put_pair(out + 14, seconds / 60 % 60);
    aq_put_pair(out + 17, seconds % 60);
    out[20] = (char)('0' + ms / 100);
    aq_put_pair(out + 21, ms % 100);
    return 24;
}

static char *put_duration(char *at, uint64_t seconds)
{
    const struct {
        uint64_t count;
        char unit;
    } parts[] = {{seconds / 86400, 'd'}, {seconds / 3600 % 24, 'h'}, {seconds / 60 % 60, 'm'}, {seconds % 60, 's'}};
    for (size_t i = 0; i < AQ_LENGTH(parts); i++)
        if (parts[i].count != 0 || (seconds == 0 && parts[i].unit == 's')) {
            at = aq_put_u64(at, parts[i].count);
            *at++ = parts[i].unit;
        }
    return at;
}

static char *put_cpu(char *at, uint64_t milli)
{
    unsigned rest = (unsigned)(milli % 1000);
    at = aq_put_u64(at, milli / 1000);
    if (rest == 0)
        return at;
    *at++ = '.';
    *at++ = (char)('0' + rest / 100);
    at = aq_put_pair(at, rest % 100);
    while (at[-1] == '0')
        at--;
    return at;
}

static char *put_size(char *at, uint64_t mib)
{
    bool whole = mib % 1024 == 0 && mib != 0;
    at = aq_put_u64(at, whole ? mib / 1024 : mib);
    memcpy(at, whole ? "GiB" : "MiB", 3);
    return at + 3;
}

char *aq_number_put(const struct aq_field *field, uint64_t value, char *at)
{
    const bool none = aq_type_may_be_none(field->type);
    if (none && value == 0) {
        *at = '-';
        return at + 1;
    }
    value -= none;
    switch (aq_type_of_some(field->type)) {
    case AQ_TYPE_TIME:
        if (value != 0)
            return at + aq_time_to_text(value, at);
        *at = '-';
        return at + 1;
    case AQ_TYPE_DURATION:
        return put_duration(at, value);
    case AQ_TYPE_CPU:
        return put_cpu(at, value);
    case AQ_TYPE_SIZE:
        return put_size(at, value);
    case AQ_TYPE_BOOL:
        memcpy(at, value ? "true " : "false", 5);
        return at + (value ? 4 : 5);
    default:
        return aq_put_u64(at, value);
    }
}

void aq_number_to_text(const struct aq_field *field, uint64_t value, struct aq_buffer *out)
{
    if (field->type == AQ_TYPE_ENUM) {
        aq_buffer_text(out, value < field->words->count ? field->words->words[value] : "?");
        return;
    }
    aq_buffer_room(out, AQ_PUT_NUMBER_MAX);
    aq_buffer_put(out, aq_number_put(field, value, out->data + out->length));
}

/* ---- reading ------------------------------------------------------------------------------------------ */

static int fail_value(const char *path, const char *text, const char *right, struct aq_error *error)
{
    return aq_fail(error, AQ_E_INVALID, "%s is \"%.100s\", but must be %s", path, text, right);
}

static int fail_large(const struct aq_field *field, const char *path, const char *text, struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer most = {0};
    aq_number_to_text(field, field->most, &most);
    return aq_fail(error, AQ_E_INVALID, "%s is %.100s, more than %s", path, text, aq_buffer_string(&most));
}

/* A decimal number as it was written. What is finer than `nano` has been rounded up. */
struct decimal {
    uint64_t whole, nano; /* whole: up to WHOLE_MAX */
    bool large;           /* it is more than that */
};

enum { NANO = 1000000000 };
#define WHOLE_MAX ((uint64_t)1 << 56) /* so that nanos of TiB fit 128 bits */

/* Reads digits and an optional fraction. Returns false if it is not a number. One that is too large stays so when it is
 * scaled. */
static bool read_decimal(const char **cursor, struct decimal *out)
{
    const char *c = *cursor;
    bool finer = false;
    *out = (struct decimal){0};
    if (!isdigit((unsigned char)*c))
        return false;
    for (; isdigit((unsigned char)*c); c++) {
        out->whole = out->whole * 10 + (uint64_t)(*c - '0');
        out->large = out->large || out->whole > WHOLE_MAX;
        out->whole = out->large ? WHOLE_MAX : out->whole;
    }
    if (*c == '.') {
        if (!isdigit((unsigned char)*++c))
            return false;
        for (uint64_t scale = NANO / 10; isdigit((unsigned char)*c); c++, scale /= 10) {
            out->nano += (uint64_t)(*c - '0') * scale;
            finer = finer || (scale == 0 && *c != '0');
        }
    }
    out->nano += finer;
    *cursor = c;
    return true;
}

/* The number times `unit`, in units of `step`, rounded up: what was asked for is never less, and never nothing, which
 * often means "no limit". Returns false if it is too large. */
static bool scale_decimal(struct decimal number, uint64_t unit, uint64_t step, uint64_t *value)
{
    unsigned __int128 nanos = ((unsigned __int128)number.whole * NANO + number.nano) * unit;
    unsigned __int128 divisor = (unsigned __int128)step * NANO, count = (nanos + divisor - 1) / divisor;
    *value = (uint64_t)count;
    return count <= UINT64_MAX && !number.large;
}

static int read_u64(const struct aq_field *field, const char *text, const char *path, uint64_t *value,
                    struct aq_error *error)
{
    char *end;
    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (!isdigit((unsigned char)text[0]) || *end != '\0')
        return fail_value(path, text, "a whole number", error);
    if (errno == ERANGE && field->most < UINT64_MAX)
        return fail_large(field, path, text, error);
    if (errno == ERANGE)
        return fail_value(path, text, "at most 18446744073709551615", error);
    *value = number;
    return 0;
}

/* Reads one part of a duration, such as "1.5h", and adds it to `nanos`. `next` is the first unit that may follow:
 * larger ones come first, and only the last part has a fraction. */
static bool read_part(const char **cursor, size_t *next, unsigned __int128 *nanos)
{
    static const struct {
        const char *unit;
        uint64_t ms;
    } units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
    struct decimal number;
    if (!read_decimal(cursor, &number))
        return false;
    size_t length = strspn(*cursor, "dhms");
    while (*next < AQ_LENGTH(units) &&
           (strlen(units[*next].unit) != length || strncmp(units[*next].unit, *cursor, length) != 0))
        (*next)++;
    if (*next == AQ_LENGTH(units))
        return false;
    *cursor += length;
    *nanos += ((unsigned __int128)number.whole * NANO + number.nano) * units[(*next)++].ms;
    if (number.large)
        *nanos = (unsigned __int128)1 << 126;
    return number.nano == 0 || **cursor == '\0';
}

/* Reads "1h30m" in units of `unit_ms`, or a number of these. */
static int read_duration(const struct aq_field *field, const char *text, uint64_t unit_ms, const char *path,
                         uint64_t *value, struct aq_error *error)
{
    const char *right = unit_ms == 1 ? "a duration such as 500ms, 5s or 1m30s, or a number of milliseconds"
                                     : "a duration such as 90, 90s, 15m, 1h30m or 2d";
    const char *c = text;
    struct decimal number;
    if (read_decimal(&c, &number) && *c == '\0')
        return scale_decimal(number, 1, 1, value) ? 0 : fail_large(field, path, text, error);
    unsigned __int128 nanos = 0, divisor = (unsigned __int128)unit_ms * NANO;
    size_t next = 0;
    c = text;
    do
        if (!read_part(&c, &next, &nanos))
            return fail_value(path, text, right, error);
    while (*c != '\0');
    nanos = (nanos + divisor - 1) / divisor;
    *value = (uint64_t)nanos;
    return nanos <= UINT64_MAX ? 0 : fail_large(field, path, text, error);
}

/* Reads "512MiB" in units of `step` bytes, or a number of `bare` bytes. */
static int read_size(const struct aq_field *field, const char *text, uint64_t bare, uint64_t step, const char *path,
                     uint64_t *value, struct aq_error *error)
{
    static const struct {
        const char *suffix;
        unsigned shift;
    } units[] = {{"B", 0},    {"KiB", 10}, {"Ki", 10}, {"K", 10},   {"MiB", 20}, {"Mi", 20}, {"M", 20},
                 {"GiB", 30}, {"Gi", 30},  {"G", 30},  {"TiB", 40}, {"Ti", 40},  {"T", 40}};
    const char *right = bare == 1 ? "a size such as 64KiB, 1MiB, or a number of bytes"
                                  : "a size such as 512MiB, 4GiB, or a number of GiB";
    const char *c = text;
    struct decimal number;
    if (!read_decimal(&c, &number))
        return fail_value(path, text, right, error);
    uint64_t unit = *c == '\0' ? bare : 0;
    for (size_t i = 0; i < AQ_LENGTH(units) && unit == 0; i++)
        if (strcmp(c, units[i].suffix) == 0)
            unit = (uint64_t)1 << units[i].shift;
    if (unit == 0)
        return fail_value(path, text, right, error);
    return scale_decimal(number, unit, step, value) ? 0 : fail_large(field, path, text, error);
}

/* A number with a unit may be written with another unit of its kind. */
static int read_number(const struct aq_field *field, const char *text, const char *path, uint64_t *value,
                       struct aq_error *error)
{
    bool plain = text[strspn(text, "0123456789")] == '\0';
    if (field->unit != NULL && !plain && strcmp(field->unit, "bytes") == 0)
        return read_size(field, text, 1, 1, path, value, error);
    if (field->unit != NULL && !plain && strcmp(field->unit, "ms") == 0)
        return read_duration(field, text, 1, path, value, error);
    return read_u64(field, text, path, value, error);
}

static int read_time(const struct aq_field *field, const char *text, const char *path, uint64_t *value,
                     struct aq_error *error)
{
    struct tm utc = {0};
    const char *right = "a time such as 2026-11-20T22:57:13Z, or milliseconds since 1970";
    char *end = strptime(text, "%Y-%m-%dT%H:%M:%S", &utc);
    if (end == NULL)
        return isdigit((unsigned char)text[0]) ? read_u64(field, text, path, value, error)
                                               : fail_value(path, text, right, error);
    uint64_t milli = 0;
    if (*end == '.') {
        uint64_t scale = 100;
        for (end++; isdigit((unsigned char)*end); end++, scale /= 10)
            milli += (uint64_t)(*end - '0') * scale;
    }
    int day = utc.tm_mday, second = utc.tm_sec;
    time_t seconds = timegm(&utc); /* turns June 31 into July 1 */
    if (strcmp(end, "Z") != 0 || seconds < 0 || utc.tm_mday != day || utc.tm_sec != second)
        return fail_value(path, text, right, error);
    *value = (uint64_t)seconds * 1000 + milli;
    return 0;
}

static int read_word(const struct aq_field *field, const char *text, const char *path, uint64_t *value,
                     struct aq_error *error)
{
    int word = aq_words_find(field->words, text);
    if (word < 0) {
        AQ_CLEANUP_BUFFER struct aq_buffer list = {0};
        aq_buffer_text(&list, "one of ");
        aq_words_list(field->words, &list);
        return fail_value(path, text, list.data, error);
    }
    *value = (uint64_t)word;
    return 0;
}

/* "-1" and "-0.5" are numbers, but no field takes them. They get the same message as negative JSON numbers. */
static bool is_negative(const char *text)
{
    return text[0] == '-' && isdigit((unsigned char)text[1]) && text[1 + strspn(text + 1, "0123456789.")] == '\0';
}

static int read_or_none(const struct aq_field *field, const char *text, const char *path, uint64_t *value,
                        struct aq_error *error)
{
    struct aq_field some = *field;
    uint64_t number;
    some.type = aq_type_of_some(field->type);
    *value = 0;
    if (strcmp(text, "-") == 0 || strcmp(text, "none") == 0)
        return 0;
    if (aq_number_from_text(&some, text, path, &number, error) != 0)
        return -1;
    if (number == UINT64_MAX)
        return fail_value(path, text, "at most 18446744073709551614", error);
    *value = aq_some(number);
    return 0;
}

int aq_number_from_text(const struct aq_field *field, const char *text, const char *path, uint64_t *value,
                        struct aq_error *error)
{
    if (is_negative(text) && field->type != AQ_TYPE_BOOL && field->type != AQ_TYPE_ENUM)
        return aq_fail(error, AQ_E_INVALID, "%s is %.100s, but must be 0 or more", path, text);
    switch (field->type) {
    case AQ_TYPE_BOOL:
        if (strcmp(text, "true") == 0 || strcmp(text, "1") == 0 || strcmp(text, "on") == 0)
            *value = 1;
        else if (strcmp(text, "false") == 0 || strcmp(text, "0") == 0 || strcmp(text, "off") == 0)
            *value = 0;
        else
            return fail_value(path, text, "true or false", error);
        return 0;
    case AQ_TYPE_CPU: {
        const char *c = text;
        struct decimal number;
        if (!read_decimal(&c, &number) || *c != '\0')
            return fail_value(path, text, "a number of cores such as 2 or 0.5", error);
        return scale_decimal(number, 1000, 1, value) ? 0 : fail_large(field, path, text, error);
    }
    case AQ_TYPE_U64_OR_NONE:
    case AQ_TYPE_CPU_OR_NONE:
    case AQ_TYPE_SIZE_OR_NONE:
        return read_or_none(field, text, path, value, error);
    case AQ_TYPE_DURATION:
        return read_duration(field, text, 1000, path, value, error);
    case AQ_TYPE_SIZE:
        return read_size(field, text, 1 << 30, 1 << 20, path, value, error);
    case AQ_TYPE_TIME:
        return read_time(field, text, path, value, error);
    case AQ_TYPE_ENUM:
        return read_word(field, text, path, value, error);
    default:
        return read_number(field, text, path, value, error);
    }
}

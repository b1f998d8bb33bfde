#include "controller/serve/query.h"

#include "schema/base/utf8.h"
#include "schema/model/record.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int query_decode(char *text, bool plus, const char *what, struct aq_error *error)
{
    char *to = text;
    for (const char *from = text; *from != '\0'; from++) {
        if (*from == '%') {
            int high = hex_digit(from[1]), low = high < 0 ? -1 : hex_digit(from[2]);
            if (low < 0)
                return aq_fail(error, AQ_E_INVALID, "%s holds a %% that is not followed by two hexadecimal digits",
                               what);
            if (high == 0 && low == 0)
                return aq_fail(error, AQ_E_INVALID, "%s holds a NUL byte", what);
            *to++ = (char)(high * 16 + low);
            from += 2;
        } else {
            *to++ = plus && *from == '+' ? ' ' : *from;
        }
    }
    *to = '\0';
    if (!aq_utf8_is_good(text, (size_t)(to - text)))
        return aq_fail(error, AQ_E_INVALID, "%s is not UTF-8", what);
    return 0;
}

static int add_item(struct query *query, char *name, char *value, struct aq_error *error)
{
    if (query_decode(name, true, "the name of a parameter", error) != 0 || query_decode(value, true, name, error) != 0)
        return -1;
    for (unsigned i = 0; i < query->count; i++)
        if (strcmp(query->items[i].name, name) == 0)
            return aq_fail(error, AQ_E_INVALID, "parameter %.100s is given twice", name);
    if (query->count == QUERY_ITEMS_MAX)
        return aq_fail(error, AQ_E_INVALID, "more than %d parameters", QUERY_ITEMS_MAX);
    query->items[query->count].name = name;
    query->items[query->count].value = value;
    query->items[query->count++].taken = false;
    return 0;
}

int query_parse(struct query *query, char *text, struct aq_error *error)
{
    query->count = 0;
    query->known_count = 0;
    while (text != NULL && *text != '\0') {
        char *item = strsep(&text, "&");
        if (*item == '\0')
            continue;
        char *value = strchr(item, '=');
        if (value != NULL)
            *value++ = '\0';
        if (add_item(query, item, value != NULL ? value : item + strlen(item), error) != 0)
            return -1;
    }
    return 0;
}

int query_split_path(char *path, const char **segments, unsigned most, unsigned *count, struct aq_error *error)
{
    *count = 0;
    if (*path != '/')
        return aq_fail(error, AQ_E_INVALID, "the path must begin with /");
    path++;
    while (path != NULL) {
        char *segment = strsep(&path, "/");
        if (*segment == '\0' && path == NULL)
            break;
        if (*segment == '\0')
            return aq_fail(error, AQ_E_NOT_FOUND, "the path has an empty part: two slashes in a row");
        if (*count == most)
            return aq_fail(error, AQ_E_NOT_FOUND, "the path has more than %u parts", most);
        if (query_decode(segment, false, "the path", error) != 0)
            return -1;
        segments[(*count)++] = segment;
    }
    return 0;
}

const char *query_take(struct query *query, const char *name)
{
    aq_assert(query->known_count < QUERY_KNOWN_MAX);
    query->known[query->known_count++] = name;
    for (unsigned i = 0; i < query->count; i++)
        if (strcmp(query->items[i].name, name) == 0) {
            query->items[i].taken = true;
            return query->items[i].value;
        }
    return NULL;
}

const char *query_take_form(struct query *query, const char *name, const char *suffix)
{
    size_t length = strlen(name);
    for (unsigned i = 0; i < query->count; i++)
        if (strncmp(query->items[i].name, name, length) == 0 && strcmp(query->items[i].name + length, suffix) == 0) {
            query->items[i].taken = true;
            return query->items[i].value;
        }
    return NULL;
}

int query_number(const char *name, const char *text, uint64_t least, uint64_t most, uint64_t *value,
                 struct aq_error *error)
{
    size_t digits = strspn(text, "0123456789");
    uint64_t number = 0;
    bool fits = digits <= 20;
    for (size_t i = 0; i < digits && fits; i++)
        fits = !__builtin_mul_overflow(number, 10, &number) &&
               !__builtin_add_overflow(number, (uint64_t)(text[i] - '0'), &number);
    if (digits == 0 || text[digits] != '\0')
        return aq_fail(error, AQ_E_INVALID, "%s is \"%.100s\", but must be a whole number", name, text);
    if (!fits || number > most)
        return aq_fail(error, AQ_E_INVALID, "%s is %.30s, more than %" PRIu64, name, text, most);
    if (number < least)
        return aq_fail(error, AQ_E_INVALID, "%s is %.30s, less than %" PRIu64, name, text, least);
    *value = number;
    return 0;
}

int query_take_number(struct query *query, const char *name, uint64_t least, uint64_t most, uint64_t *value,
                      struct aq_error *error)
{
    const char *text = query_take(query, name);
    return text == NULL ? 0 : query_number(name, text, least, most, value, error);
}

int query_take_bool(struct query *query, const char *name, bool *value, struct aq_error *error)
{
    const char *text = query_take(query, name);
    if (text == NULL)
        return 0;
    bool yes = strcmp(text, "true") == 0 || strcmp(text, "1") == 0 || strcmp(text, "yes") == 0 || text[0] == '\0';
    bool no = strcmp(text, "false") == 0 || strcmp(text, "0") == 0 || strcmp(text, "no") == 0;
    if (!yes && !no)
        return aq_fail(error, AQ_E_INVALID, "%s is \"%.100s\", but must be true or false", name, text);
    *value = yes;
    return 0;
}

int query_end(const struct query *query, struct aq_error *error)
{
    for (unsigned i = 0; i < query->count; i++) {
        if (query->items[i].taken)
            continue;
        AQ_CLEANUP_BUFFER struct aq_buffer known = {0};
        for (unsigned k = 0; k < query->known_count; k++)
            aq_buffer_format(&known, "%s%s", k > 0 ? ", " : "", query->known[k]);
        return aq_fail(error, AQ_E_INVALID, "unknown parameter %.60s; %s%s", query->items[i].name,
                       known.length > 0 ? "known are: " : "none are known here", aq_buffer_string(&known));
    }
    return 0;
}

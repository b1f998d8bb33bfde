#include "controller/serve/query.h"

#include "schema/codec/number.h"
#include "schema/codec/url.h"
#include "schema/model/key.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int add_item(struct query *query, char *name, char *value, struct aq_error *error)
{
    if (aq_url_decode(name, true, "the name of a parameter", error) != 0 ||
        aq_url_decode(value, true, name, error) != 0)
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
    query->form = (struct query_form){0};
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

/* ---- forms -------------------------------------------------------------------------------------------------- */

bool query_filter_name(const struct aq_field *field, enum query_filter how, char name[QUERY_NAME_SIZE])
{
    size_t length = strlen(field->name);
    bool time = field->type == AQ_TYPE_TIME && length > 3 && strcmp(field->name + length - 3, "_at") == 0;
    if (how == QUERY_SINCE && time)
        snprintf(name, QUERY_NAME_SIZE, "%.*s_since", (int)(length - 3), field->name);
    else if (how != QUERY_SINCE)
        snprintf(name, QUERY_NAME_SIZE, "%.70s%s", field->name, how == QUERY_UNLIKE ? "!" : "");
    return how != QUERY_SINCE || time;
}

static void visit_filter(const struct aq_field *field, query_visit_fn *visit, void *context)
{
    char name[QUERY_NAME_SIZE];
    for (enum query_filter how = QUERY_EQUAL; how < query_filter_count; how++)
        if (query_filter_name(field, how, name))
            visit(context, name, field, true);
}

void query_form_visit(const struct query_form *form, query_visit_fn *visit, void *context)
{
    for (size_t i = 0; i < QUERY_FORM_MAX && form->parameters[i] != NULL; i++)
        for (size_t f = 0; f < form->parameters[i]->count; f++)
            visit(context, form->parameters[i]->fields[f].name, &form->parameters[i]->fields[f], false);
    for (size_t f = 0; form->filters != NULL && f < form->filters->count; f++)
        if (!(form->filters->fields[f].rules & AQ_SECRET))
            visit_filter(&form->filters->fields[f], visit, context);
}

/* What is not declared is not described either, so it must not be taken. */
static const struct aq_field *declared(const struct query *query, const char *name)
{
    const struct aq_field *field = NULL;
    for (size_t i = 0; i < QUERY_FORM_MAX && query->form.parameters[i] != NULL && field == NULL; i++)
        field = aq_record_field(query->form.parameters[i], name);
    aq_assert(field != NULL);
    return field;
}

/* ---- taking ------------------------------------------------------------------------------------------------- */

static const char *take(struct query *query, const char *name)
{
    for (unsigned i = 0; i < query->count; i++)
        if (strcmp(query->items[i].name, name) == 0) {
            query->items[i].taken = true;
            return query->items[i].value;
        }
    return NULL;
}

const char *query_take(struct query *query, const char *name)
{
    (void)declared(query, name);
    return take(query, name);
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

int query_since(const char *name, const char *text, uint64_t now_ms, uint64_t *since_ms, struct aq_error *error)
{
    static const struct aq_field duration = {.type = AQ_TYPE_DURATION}, time = {.type = AQ_TYPE_TIME};
    struct aq_error unused;
    uint64_t ago;
    if (!aq_key_is_digits(text) && aq_number_from_text(&duration, text, name, &ago, &unused) == 0) {
        *since_ms = ago < now_ms / 1000 ? now_ms - ago * 1000 : 1;
        return 0;
    }
    if (aq_number_from_text(&time, text, name, since_ms, &unused) != 0)
        return aq_fail(error, AQ_E_INVALID,
                       "%s is \"%.100s\", but must be a time such as 2026-11-20T22:57:13Z, or how long ago, such as 5m",
                       name, text);
    *since_ms += *since_ms == 0; /* since ever */
    return 0;
}

/* Might a parameter be a filter of this field? Making the names of all filters costs as much as reading ten rows. */
static bool mentions(const struct query *query, const struct aq_field *field)
{
    size_t length = strlen(field->name), begin = field->type == AQ_TYPE_TIME && length > 3 ? length - 3 : length;
    for (unsigned i = 0; i < query->count; i++)
        if (strncmp(query->items[i].name, field->name, begin) == 0)
            return true;
    return false;
}

const char *query_take_filter(struct query *query, const struct aq_field *field, enum query_filter how,
                              char name[QUERY_NAME_SIZE])
{
    const struct aq_record *filters = query->form.filters;
    aq_assert(filters != NULL && field >= filters->fields && field < filters->fields + filters->count);
    return mentions(query, field) && query_filter_name(field, how, name) ? take(query, name) : NULL;
}

int query_take_number(struct query *query, const char *name, uint64_t *value, struct aq_error *error)
{
    const struct aq_field *field = declared(query, name);
    const char *text = take(query, name);
    uint64_t number;
    if (text == NULL)
        return 0;
    if (field->unit != NULL && aq_number_from_text(field, text, name, &number, error) != 0)
        return -1; /* it may be written with a unit */
    char digits[24];
    snprintf(digits, sizeof digits, "%" PRIu64, field->unit != NULL ? number : 0);
    return query_number(name, field->unit != NULL ? digits : text, field->least, field->most, value, error);
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

static void add_known(void *context, const char *name, const struct aq_field *field, bool filters)
{
    struct aq_buffer *known = context;
    if (!filters || strcmp(name, field->name) == 0) /* its other forms would make a long list */
        aq_buffer_format(known, "%s%s", known->length > 0 ? ", " : "", name);
}

int query_end(const struct query *query, struct aq_error *error)
{
    for (unsigned i = 0; i < query->count; i++) {
        if (query->items[i].taken)
            continue;
        AQ_CLEANUP_BUFFER struct aq_buffer known = {0};
        query_form_visit(&query->form, add_known, &known);
        return aq_fail(error, AQ_E_INVALID, "unknown parameter %.60s; %s%s", query->items[i].name,
                       known.length > 0 ? "known are: " : "none are known here", aq_buffer_string(&known));
    }
    return 0;
}

#include "controller/serve/filter.h"

#include "schema/text.h"

#include <fnmatch.h>
#include <string.h>

int list_bounds_take(struct list_bounds *bounds, struct query *query, struct aq_error *error)
{
    *bounds = (struct list_bounds){.limit = LIST_LIMIT};
    bounds->after = query_take(query, "after");
    if (bounds->after != NULL && bounds->after[0] == '\0')
        bounds->after = NULL;
    return query_take_number(query, "limit", 1, LIST_LIMIT_MAX, &bounds->limit, error) ||
                   query_take_bool(query, "reverse", &bounds->reverse, error)
               ? -1
               : 0;
}

void filter_take(struct filter *filter, const struct aq_record *record, struct query *query)
{
    *filter = (struct filter){0};
    for (size_t i = 0; i < record->count; i++) {
        const struct aq_field *field = &record->fields[i];
        if (field->rules & AQ_SECRET)
            continue;
        const char *pattern = query_take(query, field->name);
        if (pattern == NULL)
            continue;
        filter->fields[filter->count] = field;
        filter->patterns[filter->count++] = pattern;
    }
}

static bool text_matches(const char *pattern, const char *text)
{
    return strpbrk(pattern, "*?") == NULL ? strcmp(pattern, text) == 0 : fnmatch(pattern, text, FNM_NOESCAPE) == 0;
}

static bool field_matches(struct filter *filter, const struct aq_field *field, const char *pattern, const void *row)
{
    if (field->type == AQ_TYPE_TEXTS) {
        const struct aq_list *list = AQ_AT_CONST(row, field);
        for (uint32_t i = 0; i < list->count; i++)
            if (text_matches(pattern, AQ_TEXT_ITEM(*list, i)))
                return true;
        return false;
    }
    if (aq_field_is_text(field))
        return text_matches(pattern, aq_field_text(field, row));
    aq_buffer_reset(&filter->scratch);
    aq_field_to_text(field, row, &filter->scratch);
    return text_matches(pattern, aq_buffer_string(&filter->scratch));
}

bool filter_matches(struct filter *filter, const void *row)
{
    for (unsigned i = 0; i < filter->count; i++)
        if (!field_matches(filter, filter->fields[i], filter->patterns[i], row))
            return false;
    return true;
}

void filter_free(struct filter *filter)
{
    aq_buffer_free(&filter->scratch);
}

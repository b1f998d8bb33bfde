#include "tools/aq/select.h"

#include "schema/base/clock.h"
#include "schema/codec/number.h"
#include "schema/model/application.h"
#include "tools/aq/client.h"
#include "tools/aq/since.h"
#include "tools/aq/suggest.h"

#include <fnmatch.h>
#include <string.h>

/* ---- a field and its words ------------------------------------------------------------------------------ */

static const struct aq_field *find_field(const struct aq_entity *entity, const char *name, struct aq_error *error)
{
    const struct aq_record *record = entity->record;
    struct cli_suggest suggest = {.word = name};
    for (size_t i = 0; i < record->count; i++) {
        if (record->fields[i].rules & AQ_SECRET)
            continue;
        if (strcmp(record->fields[i].name, name) == 0)
            return &record->fields[i];
        cli_suggest_try(&suggest, record->fields[i].name);
    }
    aq_fail(error, AQ_E_INVALID, "%s have no field \"%.64s\"%s%s%s", entity->plural, name,
            suggest.best ? "; did you mean " : "", suggest.best ? suggest.best : "", suggest.best ? "?" : "");
    return NULL;
}

/* Is the pattern one of the words, or does it match one? Otherwise nothing could ever be found. */
static int check_word(const struct aq_field *field, const char *pattern, struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer words = {0};
    char shouted[65];
    struct cli_suggest suggest = {.word = shouted};
    snprintf(shouted, sizeof shouted, "%s", pattern);
    for (char *c = shouted; *c != '\0'; c++)
        *c = (char)(*c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
    for (uint32_t w = 0; w < field->words->count; w++) {
        if (fnmatch(pattern, field->words->words[w], FNM_CASEFOLD | FNM_NOESCAPE) == 0)
            return 0;
        cli_suggest_try(&suggest, field->words->words[w]);
    }
    if (suggest.best != NULL)
        return aq_fail(error, AQ_E_INVALID, "%s is \"%s\"; did you mean %s?", field->name, pattern, suggest.best);
    aq_words_list(field->words, &words);
    return aq_fail(error, AQ_E_INVALID, "%s is \"%s\", but must be one of %s", field->name, pattern,
                   aq_buffer_string(&words));
}

/* Each of the patterns, which are separated by commas. */
static int check_words(const struct aq_field *field, const char *patterns, struct aq_error *error)
{
    char one[65];
    for (const char *at = patterns;; at++) {
        size_t length = strcspn(at, ",");
        snprintf(one, sizeof one, "%.*s", (int)(length < 64 ? length : 64), at);
        if (check_word(field, one, error) != 0)
            return -1;
        at += length;
        if (*at == '\0')
            return 0;
    }
}

/* ---- the query ------------------------------------------------------------------------------------------ */

/* The server takes each field once: what is excluded is gathered. */
static int exclude(struct cli_select *select, const struct aq_field *field, const char *patterns,
                   struct aq_error *error)
{
    unsigned i = 0;
    while (i < select->excluded_count && select->excludes[i] != field)
        i++;
    if (i == CLI_FILTERS_MAX)
        return aq_fail(error, AQ_E_INVALID, "more than %d filters", CLI_FILTERS_MAX);
    select->excluded_count += i == select->excluded_count;
    select->excludes[i] = field;
    aq_buffer_format(&select->excluded[i], "%s%s", select->excluded[i].length > 0 ? "," : "", patterns);
    return 0;
}

static void add_parameter(struct cli_select *select, const char *name, const char *suffix, const char *value)
{
    aq_buffer_format(&select->query, "&%s%s=", name, suffix);
    cli_url_escape(value, &select->query);
}

static int add(struct cli_select *select, const struct cli_filter *filter, struct aq_error *error)
{
    const struct aq_field *field = find_field(select->entity, filter->field, error);
    if (field == NULL)
        return -1;
    if (field->type == AQ_TYPE_ENUM && check_words(field, filter->pattern, error) != 0)
        return -1;
    select->is_narrow = true;
    select->by_status = select->by_status || strcmp(field->name, "status") == 0;
    if (filter->negated)
        return exclude(select, field, filter->pattern, error);
    add_parameter(select, field->name, "", filter->pattern);
    return 0;
}

/* Unless the line says otherwise, applications that are over are left out. */
static void leave_out_over(struct cli_select *select, const struct cli_options *options)
{
    AQ_CLEANUP_BUFFER struct aq_buffer open = {0};
    if (select->entity != &aq_entity_application || options->flags.all || select->by_status)
        return;
    for (unsigned s = 0; s < aq_application_status_count; s++)
        if (!aq_application_is_over((enum aq_application_status)s))
            aq_buffer_format(&open, "%s%s", open.length > 0 ? "," : "", aq_application_status_words.words[s]);
    add_parameter(select, "status", "", aq_buffer_string(&open));
    select->leaves_out_over = true;
}

/* The time that --since is about: when a row was made. */
static int add_since(struct cli_select *select, const struct cli_options *options, struct aq_error *error)
{
    static const char *const times[] = {"created", "joined"};
    char name[32], text[AQ_TIME_TEXT_SIZE];
    struct cli_since since;
    if (!cli_options_gave(options, "since"))
        return 0;
    if (cli_since_read(options->flags.since, aq_clock_wall_ms(), &since, error) != 0)
        return -1;
    if (since.is_seq)
        return aq_fail(error, AQ_E_INVALID, "--since is \"%.64s\", but must be how long ago, such as 5m, or a time",
                       options->flags.since);
    aq_time_to_text(since.at_ms, text);
    for (size_t i = 0; i < AQ_LENGTH(times); i++) {
        snprintf(name, sizeof name, "%s_at", times[i]);
        if (aq_record_field(select->entity->record, name) == NULL)
            continue;
        add_parameter(select, times[i], "_since", text);
        select->is_narrow = true;
        return 0;
    }
    return aq_fail(error, AQ_E_INVALID, "--since does not apply to %s: they have no time", select->entity->plural);
}

int cli_select_open(struct cli_select *select, const struct aq_entity *entity, const struct cli_options *options,
                    const char *const *words, unsigned count, struct aq_error *error)
{
    struct aq_arena arena = {0};
    int status = 0;
    *select = (struct cli_select){.entity = entity};
    for (unsigned i = 0; i < options->filter_count && status == 0; i++)
        status = add(select, &options->filters[i], error);
    for (unsigned i = 0; i < count && status == 0; i++) {
        struct cli_filter filter;
        status =
            cli_filter_read(words[i], &filter, &arena)
                ? add(select, &filter, error)
                : aq_fail(error, AQ_E_INVALID, "\"%.64s\" is not field=pattern; to show one of the %s: aq %s get %.64s",
                          words[i], entity->plural, entity->plural, words[i]);
    }
    leave_out_over(select, options);
    for (unsigned i = 0; i < select->excluded_count; i++)
        add_parameter(select, select->excludes[i]->name, "!", aq_buffer_string(&select->excluded[i]));
    aq_arena_free(&arena);
    return status == 0 ? add_since(select, options, error) : -1;
}

void cli_select_close(struct cli_select *select)
{
    for (unsigned i = 0; i < select->excluded_count; i++)
        aq_buffer_free(&select->excluded[i]);
    aq_buffer_free(&select->query);
}

/* Paths, parameters, filters, numbers and networks of requests. Input: a line with the name of an entity, then a path
 * with or without a question mark and parameters.
 *
 * Decoded text is valid UTF-8, a filter can be applied to any row, and no limit is exceeded. */
#include "controller/serve/filter.h"
#include "controller/serve/network.h"
#include "controller/serve/parameters.h"
#include "controller/serve/request.h"
#include "schema/base/utf8.h"
#include "schema/codec/metadata.h"
#include "schema/codec/preset.h"
#include "schema/codec/url.h"
#include "tests/lib/fuzz.h"

static void match(const struct aq_record *record, struct query *query)
{
    struct aq_arena arena = {0};
    struct aq_error error = {0};
    struct filter filter;
    struct list_bounds bounds;
    bool flag = false;
    uint64_t number = 0;
    void *row = aq_arena_alloc(&arena, record->size);
    aq_record_init(record, row, &arena);
    query->form = (struct query_form){{&parameters_list_record}, record};
    if (list_bounds_take(&bounds, query, &error) == 0)
        fuzz_must(bounds.limit >= 1 && bounds.limit <= LIST_LIMIT_MAX);
    error = (struct aq_error){0};
    int status = filter_take(&filter, record, query, 1764000000000, &error);
    fuzz_check_error(status, &error);
    (void)filter_matches(&filter, row);
    error = (struct aq_error){0};
    query->form = (struct query_form){{&parameters_write_record, &parameters_read_record}, NULL};
    fuzz_check_error(query_take_bool(query, "dry_run", &flag, &error), &error);
    error = (struct aq_error){0};
    fuzz_check_error(query_take_number(query, "min_seq", &number, &error), &error);
    error = (struct aq_error){0};
    fuzz_check_error(query_end(query, &error), &error);
    filter_free(&filter); /* after query_end(): names of parameters are in its arena */
    aq_arena_free(&arena);
}

static void look_up(const char *const *segments, unsigned count)
{
    struct aq_error error = {0};
    struct aq_buffer env = {0};
    struct network network;
    json_t *json = json_pack("{s:{s:[s,i,{s:b}]}, s:s}", "a", "b", "x'y", 7, "c", 1, "a-b", "\n");
    for (unsigned i = 0; i < count; i++) {
        fuzz_must(aq_utf8_is_good(segments[i], strlen(segments[i])));
        error = (struct aq_error){0};
        fuzz_check_error(network_parse(&network, segments[i], &error), &error);
        error = (struct aq_error){0};
        if (aq_metadata_check_prefix(segments[i], &error) == 0)
            aq_metadata_to_env(json, segments[i], segments[count - 1], &env);
    }
    (void)aq_metadata_at(json, segments, count);
    json_decref(json);
    aq_buffer_free(&env);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct query query;
    struct fuzz_input in = {data, size};
    struct aq_error error = {0};
    const char *segments[SEGMENTS_MAX];
    unsigned count = 0;
    const struct aq_record *record = fuzz_take_record(&in);
    if (record == NULL)
        return -1;
    char *path = fuzz_rest(&in, true), *parameters = strchr(path, '?');
    if (parameters != NULL)
        *parameters++ = '\0';
    int status = aq_url_split_path(path, segments, SEGMENTS_MAX, &count, &error);
    fuzz_check_error(status, &error);
    if (status == 0)
        look_up(segments, count);
    error = (struct aq_error){0};
    status = query_parse(&query, parameters, &error);
    fuzz_check_error(status, &error);
    if (status == 0)
        match(record, &query);
    free(path);
    return 0;
}

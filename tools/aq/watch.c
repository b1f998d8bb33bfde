#include "tools/aq/watch.h"

#include "schema/base/clock.h"
#include "tools/aq/follow.h"
#include "tools/aq/show.h"

#include <string.h>

enum { REDRAW_MS = 10000 /* ages change without events */ };

/* What heartbeats bring changes all the time, and is no change of the row. */
static bool is_same(const json_t *one, const json_t *other)
{
    json_t *a = json_copy((json_t *)one), *b = json_copy((json_t *)other);
    json_object_del(a, "live");
    json_object_del(b, "live");
    const bool same = json_equal(a, b);
    json_decref(a);
    json_decref(b);
    return same;
}

/* Rows by their key. */
static json_t *index_rows(const struct aq_record *record, const json_t *rows)
{
    json_t *by_key = json_object();
    struct aq_buffer key = {0};
    size_t index;
    json_t *row;
    json_array_foreach ((json_t *)rows, index, row) {
        aq_buffer_reset(&key);
        cli_row_key(record, row, &key);
        json_object_set(by_key, aq_buffer_string(&key), row);
    }
    aq_buffer_free(&key);
    return by_key;
}

json_t *cli_watch_changes(const struct aq_record *record, const json_t *before, const json_t *rows,
                          struct aq_buffer *gone)
{
    json_t *old = index_rows(record, before), *new = index_rows(record, rows), *changed = json_array(), *row;
    const char *key;
    json_object_foreach (new, key, row)
        if (!is_same(row, json_object_get(old, key)))
            json_array_append(changed, row);
    json_object_foreach (old, key, row)
        if (json_object_get(new, key) == NULL)
            aq_buffer_format(gone, "%s\n", key);
    json_decref(old);
    json_decref(new);
    return changed;
}

static void print_items(const json_t *rows, const struct cli_flags *flags)
{
    size_t index;
    json_t *row;
    json_array_foreach ((json_t *)rows, index, row)
        cli_show_item(row, flags);
}

static void print_changes(const struct aq_record *record, const json_t *before, const json_t *rows,
                          const struct cli_flags *flags, bool *headed)
{
    struct aq_buffer gone = {0};
    json_t *changed = cli_watch_changes(record, before, rows, &gone);
    if (cli_wants_data(flags))
        print_items(changed, flags);
    else if (json_array_size(changed) > 0) {
        cli_show_rows(record, changed, flags, !*headed);
        *headed = true;
    }
    if (!cli_wants_data(flags) && !flags->quiet)
        for (const char *key = aq_buffer_string(&gone); *key != '\0'; key += strcspn(key, "\n") + 1) {
            cli_print(key, strcspn(key, "\n"));
            cli_print("   (gone)\n", 10);
        }
    json_decref(changed);
    aq_buffer_free(&gone);
}

/* ---- turns ---------------------------------------------------------------------------------------------- */

bool cli_watch_redraws(const struct cli_flags *flags)
{
    return cli_on_terminal() && !cli_wants_data(flags) && !flags->quiet;
}

void cli_watch_clear(void)
{
    static const struct aq_buffer clear = {.data = "\033[H\033[2J\033[3J", .length = 11};
    cli_print_raw(&clear);
}

/* Until something changes; CLI_NEXT_QUIET: the screen must be drawn again. CLI_NEXT_ENDED: it is `end_ms` (0: never).
 */
static enum cli_next next_change(struct cli_follow *follow, uint64_t end_ms, bool redraws)
{
    for (;;) {
        uint64_t now_ms = aq_clock_ms(), left_ms = REDRAW_MS;
        if (end_ms != 0 && now_ms >= end_ms)
            return CLI_NEXT_ENDED;
        if (end_ms != 0 && end_ms - now_ms < left_ms)
            left_ms = end_ms - now_ms;
        enum cli_next next = cli_follow_change(follow, (int)left_ms);
        if (next != CLI_NEXT_QUIET || redraws) /* without a screen to keep current, only changes matter */
            return next;
    }
}

enum cli_exit cli_watch_turns(struct cli_client *client, const struct cli_options *options, bool redraws,
                              cli_watch_turn_fn *turn, void *context)
{
    const uint64_t timeout_s = options->flags.timeout;
    const uint64_t end_ms = timeout_s > 0 ? aq_clock_ms() + timeout_s * 1000 : 0;
    struct cli_follow *follow = NULL;
    enum cli_exit code;
    uint64_t seq = 0;
    if (end_ms > 0)
        cli_client_be_patient(client, end_ms);
    while ((code = turn(context, &seq)) == CLI_DONE && (code = cli_say_close()) == CLI_DONE) {
        if (follow == NULL) {
            cli_client_be_patient(client, end_ms > 0 ? end_ms : UINT64_MAX);
            follow = cli_follow_open(client, &(struct cli_follow_options){.since = seq, .forever = true});
        }
        enum cli_next next = next_change(follow, end_ms, redraws);
        if (next == CLI_NEXT_ENDED)
            break;
        if (next == CLI_NEXT_BROKEN) {
            code = cli_follow_fail(follow);
            break;
        }
    }
    cli_follow_close(follow);
    return code;
}

/* ---- rows ----------------------------------------------------------------------------------------------- */

struct watching {
    const struct aq_record *record;
    const struct cli_flags *flags;
    cli_watch_fn *read_rows;
    void *context;
    json_t *before;
    bool headed;
};

static enum cli_exit turn_rows(void *context, uint64_t *seq)
{
    struct watching *watching = context;
    json_t *rows = NULL;
    enum cli_exit code = watching->read_rows(watching->context, &rows, seq);
    if (code != CLI_DONE)
        return code;
    if (cli_watch_redraws(watching->flags)) {
        cli_watch_clear();
        cli_show_rows(watching->record, rows, watching->flags, true);
    } else {
        print_changes(watching->record, watching->before, rows, watching->flags, &watching->headed);
    }
    json_decref(watching->before);
    watching->before = rows;
    return code;
}

enum cli_exit cli_watch(struct cli_client *client, const struct cli_options *options, const struct aq_record *record,
                        cli_watch_fn *read_rows, void *context)
{
    struct watching watching = {.record = record, .flags = &options->flags, .read_rows = read_rows, .context = context};
    enum cli_exit code = cli_watch_turns(client, options, cli_watch_redraws(&options->flags), turn_rows, &watching);
    json_decref(watching.before);
    return code;
}

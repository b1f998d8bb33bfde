#include "tools/aq/top.h"

#include "schema/base/clock.h"
#include "schema/codec/number.h"
#include "schema/model/node.h"
#include "schema/model/resource.h"
#include "tools/aq/figures.h"
#include "tools/aq/show.h"
#include "tools/aq/table.h"
#include "tools/aq/watch.h"

#include <ctype.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS_MAX = 20000, HEADER_LINES = 2, SHAPES_MAX = 24, NAME_LEAST = 8 };

/* ---- rows --------------------------------------------------------------------------------------------------- */

/* The names that a row of each table begins with. */
static const char *const node_names[] = {"name", "status", NULL};
static const char *const resource_names[] = {"id", "application", "user", "node", NULL};

static const char *const *names_of(const struct aq_entity *entity)
{
    return entity == &aq_entity_node ? node_names : resource_names;
}

/* An amount that bounds a figure, in its unit: cores, or bytes. NULL: there is no bound. */
static json_t *most_of(const json_t *amounts, const char *name)
{
    static const struct aq_field size = {.type = AQ_TYPE_SIZE};
    const json_t *amount = json_object_get(amounts, name);
    struct aq_error unused;
    uint64_t mib;
    if (json_is_number(amount) && json_number_value(amount) > 0)
        return json_real(json_number_value(amount));
    if (!json_is_string(amount) || aq_number_from_text(&size, json_string_value(amount), name, &mib, &unused) != 0 ||
        mib == 0)
        return json_null();
    return json_integer((json_int_t)(mib << 20));
}

json_t *cli_top_row(const struct aq_entity *entity, const json_t *row)
{
    const json_t *live = json_object_get(row, "live");
    const json_t *amounts = json_object_get(row, entity == &aq_entity_node ? "capacity" : "amounts");
    json_t *top = json_object();
    for (const char *const *name = names_of(entity); *name != NULL; name++)
        json_object_set(top, *name, json_object_get(row, *name));
    for (size_t i = 0; i < CLI_FIGURES; i++) {
        json_t *value = json_object_get(live, cli_figures[i].name);
        json_object_set(top, cli_figures[i].name, json_is_number(value) ? value : json_null());
    }
    json_object_set_new(top, "cpu_most", most_of(amounts, "cpu"));
    json_object_set_new(top, "memory_most", most_of(amounts, "ram"));
    if (entity != &aq_entity_node)
        return top;
    /* It may offer less than it has, and everybody there uses what it has. */
    json_t *cpu = json_object_get(live, "cpu_all"), *memory = json_object_get(live, "memory_all");
    if (json_is_number(cpu))
        json_object_set(top, "cpu_most", cpu);
    if (json_is_number(memory))
        json_object_set(top, "memory_most", memory);
    if (json_is_object(live))
        json_object_set(top, "workloads", json_object_get(live, "workloads"));
    return top;
}

/* ---- order -------------------------------------------------------------------------------------------------- */

struct sorted {
    json_t *row;
    size_t place; /* rows that are equal keep their order */
};

static double figure_of(const struct sorted *sorted, const char *name)
{
    const json_t *value = json_object_get(sorted->row, name);
    return json_is_number(value) ? json_number_value(value) : -1;
}

static int compare_rows(const void *a, const void *b, void *name)
{
    const struct sorted *one = a, *other = b;
    const double left = figure_of(one, name), right = figure_of(other, name);
    if (left != right)
        return left < right ? 1 : -1;
    return (one->place > other->place) - (one->place < other->place);
}

/* Those first that use most; what is not known comes last. */
static json_t *sort(const json_t *rows, const char *figure, bool reverse)
{
    const size_t count = json_array_size(rows);
    struct sorted *sorted = aq_calloc(count + 1, sizeof *sorted);
    json_t *result = json_array();
    for (size_t i = 0; i < count; i++)
        sorted[i] = (struct sorted){json_array_get(rows, i), i};
    qsort_r(sorted, count, sizeof *sorted, compare_rows, (char *)figure);
    for (size_t i = 0; i < count; i++)
        json_array_append(result, sorted[reverse ? count - 1 - i : i].row);
    free(sorted);
    return result;
}

/* ---- a table ------------------------------------------------------------------------------------------------ */

static void add_name(struct cli_table *table, const json_t *value)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    cli_cell(NULL, value, 0, &text);
    cli_table_add(table, aq_buffer_string(&text), text.length, CLI_PLAIN);
}

static void add_header(struct cli_table *table, const char *words)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    for (const char *c = words; *c != '\0'; c++)
        aq_buffer_char(&text, (char)toupper((unsigned char)*c));
    cli_table_add(table, aq_buffer_string(&text), text.length, CLI_BOLD);
}

static void show_table(const struct aq_entity *entity, const json_t *rows, const struct cli_flags *flags)
{
    const bool nodes = entity == &aq_entity_node;
    AQ_CLEANUP_BUFFER struct aq_buffer out = {0};
    struct cli_table table;
    unsigned columns = 0;
    size_t index;
    json_t *row;
    struct cli_table_column shapes[SHAPES_MAX] = {0}; /* those that are not set stay whole */
    for (const char *const *name = names_of(entity); *name != NULL; name++, columns++)
        shapes[columns] = (struct cli_table_column){.rank = columns, .least = NAME_LEAST};
    columns = cli_figures_shape(shapes, columns);
    shapes[columns].rank = CLI_FIGURES_RANK; /* of workloads */
    cli_table_open(&table, columns + nodes);
    table.shapes = shapes;
    for (const char *const *name = names_of(entity); *name != NULL; name++)
        add_header(&table, name == names_of(entity) ? entity->name : *name);
    cli_figures_add_headers(&table, true);
    if (nodes)
        add_header(&table, "workloads");
    json_array_foreach ((json_t *)rows, index, row) {
        for (const char *const *name = names_of(entity); *name != NULL; name++)
            add_name(&table, json_object_get(row, *name));
        cli_figures_add(&table, row, true);
        if (nodes)
            add_name(&table, json_object_get(row, "workloads"));
    }
    cli_table_print(&table, flags->no_headers ? 1 : 0, cli_terminal_columns(), &out);
    cli_print_raw(&out);
    cli_table_close(&table);
}

/* ---- reading and printing ------------------------------------------------------------------------------------ */

struct top {
    struct cli *cli;
    const struct aq_entity *wanted[2];
    json_t *rows[2]; /* NULL: the caller may not see them */
    size_t count;
    const char *sort;
    bool redraws, more;
};

static void drop_rows(struct top *top)
{
    for (size_t i = 0; i < top->count; i++) {
        json_decref(top->rows[i]);
        top->rows[i] = NULL;
    }
}

static enum cli_exit read_entity(struct top *top, size_t which)
{
    const struct aq_entity *entity = top->wanted[which];
    AQ_CLEANUP_BUFFER struct aq_buffer path = {0};
    bool forbidden = false, more = false;
    uint64_t seq = 0;
    size_t index;
    json_t *rows, *row, *tops;
    aq_buffer_format(&path, "/api/v1/%s/", entity->name);
    const bool is_only = which + 1 == top->count && top->rows[0] == NULL; /* nothing else is shown */
    const struct cli_rows wanted = {
        .path = aq_buffer_string(&path), .query = "", .most = ROWS_MAX, .forbidden = is_only ? NULL : &forbidden};
    enum cli_exit code = cli_read_rows(top->cli, &wanted, &rows, &seq, &more);
    if (code != CLI_DONE)
        return code;
    tops = json_array();
    json_array_foreach (rows, index, row)
        json_array_append_new(tops, cli_top_row(entity, row));
    if (!forbidden)
        top->rows[which] = sort(tops, top->sort, top->cli->options.flags.reverse);
    top->more = top->more || more;
    json_decref(tops);
    json_decref(rows);
    return CLI_DONE;
}

/* How many rows of each table there is room for. */
static uint64_t room(const struct top *top)
{
    const struct cli_flags *flags = &top->cli->options.flags;
    const unsigned lines = top->redraws ? cli_terminal_lines() : 0;
    if (flags->limit > 0)
        return flags->limit;
    const uint64_t each = lines / top->count;
    return lines == 0 ? ROWS_MAX : each > HEADER_LINES + 1 ? each - HEADER_LINES : 1;
}

static void cut_rows(json_t *rows, uint64_t most)
{
    while (json_array_size(rows) > most)
        json_array_remove(rows, json_array_size(rows) - 1);
}

static void print(struct top *top)
{
    const struct cli_flags *flags = &top->cli->options.flags;
    json_t *all = json_object();
    if (top->redraws)
        cli_watch_clear();
    for (size_t i = 0, shown = 0; i < top->count; i++) {
        if (top->rows[i] == NULL)
            continue;
        cut_rows(top->rows[i], cli_wants_data(flags) && flags->limit == 0 ? ROWS_MAX : room(top));
        json_object_set(all, top->wanted[i]->plural, top->rows[i]);
        if (!cli_wants_data(flags) && shown++ > 0)
            cli_print("\n", 1);
        if (!cli_wants_data(flags))
            show_table(top->wanted[i], top->rows[i], flags);
    }
    if (cli_wants_data(flags))
        cli_show_data(all, flags);
    json_decref(all);
}

static enum cli_exit turn(struct top *top)
{
    enum cli_exit code = CLI_DONE;
    for (size_t i = 0; code == CLI_DONE && i < top->count; i++)
        code = read_entity(top, i);
    if (code == CLI_DONE) {
        print(top);
        code = cli_say_close();
    }
    if (code == CLI_DONE && top->more)
        cli_note("There are more than %d: those are left out.", ROWS_MAX);
    drop_rows(top);
    return code;
}

/* ---- the command line ---------------------------------------------------------------------------------------- */

static enum cli_exit take_words(struct top *top, const char *const *words, unsigned count)
{
    if (count > 1)
        return cli_fail(CLI_USAGE, "top takes one word, nodes or resources, but there is \"%.64s\", too", words[1]);
    const struct aq_entity *entity = count == 1 ? aq_entity_find(words[0]) : NULL;
    if (count == 1 && strcmp(words[0], "workloads") == 0)
        entity = &aq_entity_resource;
    if (count == 1 && entity != &aq_entity_node && entity != &aq_entity_resource)
        return cli_fail(CLI_USAGE, "top is of nodes or of resources, not of \"%.64s\"", words[0]);
    if (entity != &aq_entity_resource)
        top->wanted[top->count++] = &aq_entity_node;
    if (entity != &aq_entity_node)
        top->wanted[top->count++] = &aq_entity_resource;
    return CLI_DONE;
}

static enum cli_exit take_sort(struct top *top, const char *sort)
{
    AQ_CLEANUP_BUFFER struct aq_buffer known = {0};
    for (size_t i = 0; i < CLI_FIGURES; i++) {
        if (sort[0] == '\0' || strcmp(cli_figures[i].sort, sort) == 0 || strcmp(cli_figures[i].name, sort) == 0) {
            top->sort = cli_figures[i].name;
            return CLI_DONE;
        }
        aq_buffer_format(&known, "%s%s", i > 0 ? ", " : "", cli_figures[i].sort);
    }
    return cli_fail(CLI_USAGE, "--sort is \"%.64s\", but top sorts by %s", sort, aq_buffer_string(&known));
}

enum cli_exit cli_top(struct cli *cli, const char *const *words, unsigned count)
{
    const struct cli_flags *flags = &cli->options.flags;
    struct top top = {.cli = cli, .redraws = cli_on_terminal() && !cli_wants_data(flags) && !flags->once};
    const uint64_t interval_ms = (flags->interval > 0 ? flags->interval : CLI_TOP_S) * 1000;
    const uint64_t end_ms = flags->timeout > 0 ? aq_clock_ms() + flags->timeout * 1000 : UINT64_MAX;
    const bool again = top.redraws || flags->interval > 0;
    enum cli_exit code = take_words(&top, words, count);
    if (code == CLI_DONE)
        code = take_sort(&top, flags->sort);
    if (code == CLI_DONE && flags->once && flags->interval > 0)
        return cli_fail(CLI_USAGE, "--once and --interval cannot be used together");
    if (code == CLI_DONE)
        code = turn(&top);
    if (code == CLI_DONE && again)
        cli_client_be_patient(cli->client, end_ms);
    while (code == CLI_DONE && again && aq_clock_ms() + interval_ms < end_ms) {
        poll(NULL, 0, (int)interval_ms);
        code = turn(&top);
    }
    return code;
}

#include "tools/aq/figures.h"

#include "tools/aq/cell.h"
#include "tools/aq/show.h"

#include <string.h>

const struct cli_figure cli_figures[CLI_FIGURES] = {
    {"cpu", "CPU", "cpu", "cpu_most", true},
    {"memory_bytes", "MEMORY", "memory", "memory_most", false},
    {"read_rate", "READ/S", "read", NULL, false},
    {"write_rate", "WRITE/S", "write", NULL, false},
    {"receive_rate", "RECV/S", "receive", NULL, false},
    {"send_rate", "SEND/S", "send", NULL, false},
};

void cli_figures_bytes(double bytes, struct aq_buffer *out)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    size_t unit = 0;
    for (; bytes >= 999.5 && unit + 1 < AQ_LENGTH(units); unit++)
        bytes /= 1024;
    aq_buffer_format(out, unit > 0 && bytes < 9.95 ? "%.1f%s" : "%.0f%s", bytes, units[unit]);
}

unsigned cli_figures_columns(bool bounds)
{
    unsigned columns = 0;
    for (size_t i = 0; i < CLI_FIGURES; i++)
        columns += bounds && cli_figures[i].most != NULL ? 3 : 1;
    return columns;
}

/* The figures of processors and memory stay longest; of a figure, its bound goes before its share. */
unsigned cli_figures_shape(struct cli_table_column *shapes, unsigned at)
{
    for (unsigned i = 0; i < CLI_FIGURES; i++) {
        if (cli_figures[i].most == NULL) {
            shapes[at++].rank = CLI_FIGURES_RANK - CLI_FIGURES + i;
            continue;
        }
        shapes[at++].rank = 0;
        shapes[at++].rank = CLI_FIGURES_RANK - CLI_FIGURES - 2;
        shapes[at++].rank = CLI_FIGURES_RANK - CLI_FIGURES - 1;
    }
    return at;
}

static void add_text(struct cli_table *table, const char *text, enum cli_colour colour)
{
    cli_table_add(table, text, strlen(text), colour);
}

void cli_figures_add_headers(struct cli_table *table, bool bounds)
{
    for (size_t i = 0; i < CLI_FIGURES; i++) {
        add_text(table, cli_figures[i].header, CLI_BOLD);
        if (!bounds || cli_figures[i].most == NULL)
            continue;
        add_text(table, "%", CLI_BOLD);
        add_text(table, "OF", CLI_BOLD);
    }
}

static void add_amount(struct cli_table *table, const struct cli_figure *figure, const json_t *value,
                       enum cli_colour colour)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    if (!json_is_number(value))
        aq_buffer_char(&text, '-');
    else if (figure->is_cores)
        aq_buffer_format(&text, "%.2f", json_number_value(value));
    else
        cli_figures_bytes(json_number_value(value), &text);
    add_text(table, aq_buffer_string(&text), colour);
}

static void add_figure(struct cli_table *table, const struct cli_figure *figure, const json_t *row, bool bounds)
{
    AQ_CLEANUP_BUFFER struct aq_buffer share = {0};
    const json_t *value = json_object_get(row, figure->name);
    const json_t *most = figure->most != NULL ? json_object_get(row, figure->most) : NULL;
    const bool both = json_is_number(value) && json_is_number(most) && json_number_value(most) > 0;
    const double percent = both ? json_number_value(value) * 100 / json_number_value(most) : 0;
    const enum cli_colour colour = percent >= 95 ? CLI_RED : percent >= 80 ? CLI_YELLOW : CLI_PLAIN;
    add_amount(table, figure, value, colour);
    if (!bounds || figure->most == NULL)
        return;
    if (both)
        aq_buffer_format(&share, "%.0f%%", percent);
    add_text(table, both ? aq_buffer_string(&share) : "-", colour);
    add_amount(table, figure, most, CLI_PLAIN);
}

void cli_figures_add(struct cli_table *table, const json_t *row, bool bounds)
{
    for (size_t i = 0; i < CLI_FIGURES; i++)
        add_figure(table, &cli_figures[i], row, bounds);
}

/* ---- over time ----------------------------------------------------------------------------------------------- */

static void show_means(const json_t *means, const struct cli_flags *flags)
{
    AQ_CLEANUP_BUFFER struct aq_buffer out = {0};
    struct cli_table table;
    size_t index;
    json_t *mean;
    cli_table_open(&table, 1 + cli_figures_columns(false));
    add_text(&table, "AT", CLI_BOLD);
    cli_figures_add_headers(&table, false);
    json_array_foreach ((json_t *)means, index, mean) {
        const char *at = json_string_value(json_object_get(mean, "at"));
        add_text(&table, at != NULL ? at : "-", CLI_PLAIN);
        cli_figures_add(&table, mean, false);
    }
    cli_table_print(&table, flags->no_headers ? 1 : 0, cli_terminal_columns(), &out);
    cli_print_raw(&out);
    cli_table_close(&table);
}

enum cli_exit cli_show_load(struct cli *cli, const struct aq_view *view, const char *key)
{
    const struct cli_flags *flags = &cli->options.flags;
    AQ_CLEANUP_BUFFER struct aq_buffer since = {0};
    struct cli_reply reply;
    if (flags->since[0] != '\0')
        aq_buffer_text(&since, "?since=");
    cli_url_escape(flags->since, &since);
    enum cli_exit code = cli_client_get(cli->client, &reply, "/api/v1/%s/%s/%s%s", view->entity->name, key, view->name,
                                        aq_buffer_string(&since));
    if (code != CLI_DONE)
        (void)cli_reply_fail(&reply);
    else if (cli_wants_data(flags))
        cli_show_data(reply.data, flags);
    else
        show_means(json_object_get(reply.data, "means"), flags);
    cli_reply_close(&reply);
    return code;
}

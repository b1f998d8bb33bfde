/* aq applications: a list, selected, ordered and cut. */
#include "schema/base/clock.h"
#include "tools/aq/nouns.h"
#include "tools/aq/order.h"
#include "tools/aq/select.h"
#include "tools/aq/show.h"
#include "tools/aq/watch.h"

#include <inttypes.h>

enum { SHOWN_ROWS = 1000, ROWS_MAX = 1000000 };

struct listing {
    struct cli *cli;
    const struct aq_entity *entity;
    struct cli_select select;
    const struct aq_field *sort; /* NULL: by key */
    struct aq_buffer path, query;
    uint64_t most;  /* to be shown */
    bool backwards; /* read from the end: the last ones are wanted */
    bool more;
};

/* The rows in the order in which they are shown. */
static enum cli_exit read_listing(void *context, json_t **rows, uint64_t *seq)
{
    struct listing *listing = context;
    const struct cli_options *options = &listing->cli->options;
    struct cli_rows wanted = {.path = aq_buffer_string(&listing->path),
                              .query = aq_buffer_string(&listing->query),
                              .most = listing->sort != NULL ? ROWS_MAX : listing->most};
    *seq = 0;
    enum cli_exit code = cli_read_rows(listing->cli, &wanted, rows, seq, &listing->more);
    if (code != CLI_DONE)
        return code;
    bool last = cli_options_gave(options, "lines");
    if (listing->sort != NULL)
        cli_order_by(listing->sort, *rows);
    if (listing->sort != NULL ? options->flags.reverse : listing->backwards != options->flags.reverse)
        cli_order_reverse(*rows);
    if (json_array_size(*rows) > listing->most) {
        cli_order_cut(*rows, listing->most, last && !options->flags.reverse);
        listing->more = true;
    }
    return CLI_DONE;
}

/* What the user may not expect. */
static void hint(const struct listing *listing, size_t shown)
{
    const char *plural = listing->entity->plural;
    const struct cli_options *options = &listing->cli->options;
    if (shown == 0 && (options->flags.quiet || cli_wants_data(&options->flags)))
        return; /* scripts ask so, and see it */
    if (listing->most == 0)
        return;
    if (shown == 0 && listing->select.leaves_out_over)
        cli_note(listing->select.is_narrow ? "no open %s match; -a looks among those that are over, too"
                                           : "no open %s; -a shows those that are over, too",
                 plural);
    else if (shown == 0 && listing->select.is_narrow)
        cli_note("no %s match", plural);
    else if (listing->more && !cli_options_gave(options, "lines"))
        cli_note(options->flags.limit > 0 ? "There are more than these %zu: use a greater --limit."
                                          : "There are more than these %zu: use --all or --limit.",
                 shown);
}

static enum cli_exit show_listing(struct listing *listing)
{
    json_t *rows = NULL;
    uint64_t seq = 0;
    const struct cli_options *options = &listing->cli->options;
    enum cli_exit code = read_listing(listing, &rows, &seq);
    if (code == CLI_REFUSED && cli_options_gave(options, "user") &&
        aq_record_field(listing->entity->record, "user") != NULL)
        cli_note("--user acts as a user; to list what belongs to one: aq %s list user=%s", listing->entity->plural,
                 options->flags.user);
    if (code != CLI_DONE)
        return code;
    cli_show_rows(listing->entity->record, rows, &listing->cli->options.flags, true);
    if (cli_say_close() == CLI_DONE)
        hint(listing, json_array_size(rows));
    json_decref(rows);
    return CLI_DONE;
}

static enum cli_exit prepare(struct listing *listing)
{
    const struct cli_options *options = &listing->cli->options;
    const struct cli_flags *flags = &options->flags;
    struct aq_error error = {0};
    bool last = cli_options_gave(options, "lines");
    if (last && flags->limit > 0)
        return cli_fail(CLI_USAGE, "--lines, the last ones, and --limit, the first ones, cannot be used together");
    if (flags->sort[0] != '\0' && cli_order_field(listing->entity, flags->sort, &listing->sort, &error) != 0)
        return cli_fail(CLI_USAGE, "%s", error.message);
    listing->most = last ? flags->lines : flags->limit > 0 ? flags->limit : flags->all ? ROWS_MAX : SHOWN_ROWS;
    listing->backwards = listing->sort == NULL && (last || flags->reverse);
    aq_buffer_format(&listing->path, "/api/v1/%s/", listing->entity->name);
    aq_buffer_format(&listing->query, "%s%s", listing->backwards ? "&reverse=true" : "",
                     aq_buffer_string(&listing->select.query));
    return CLI_DONE;
}

enum cli_exit cli_list(struct cli *cli, const struct aq_entity *entity, const char *const *words, unsigned count)
{
    struct listing listing = {.cli = cli, .entity = entity};
    struct aq_error error = {0};
    enum cli_exit code = CLI_DONE;
    if (cli_select_open(&listing.select, entity, &cli->options, words, count, &error) != 0)
        code = cli_fail(CLI_USAGE, "%s", error.message);
    if (code == CLI_DONE)
        code = prepare(&listing);
    if (code == CLI_DONE && cli->options.flags.watch)
        code = cli_watch(cli->client, &cli->options, entity->record, read_listing, &listing);
    else if (code == CLI_DONE)
        code = show_listing(&listing);
    cli_select_close(&listing.select);
    aq_buffer_free(&listing.path);
    aq_buffer_free(&listing.query);
    return code;
}

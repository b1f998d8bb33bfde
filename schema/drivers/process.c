#include "schema/drivers/process.h"

#include "schema/drivers/allow.h"
#include "schema/drivers/readers.h"

#define NETWORKS "one of: host, none"

AQ_DEFINE_WORDS(process_network, PROCESS_NETWORK_WORDS)
AQ_DEFINE_SETTINGS(aq_process_options, "options", "options of driver process");

/* Options are read in the order of their declaration: `isolate` is known by now. */
static int check_isolated(const struct aq_field *field, const struct aq_process_options *options,
                          struct aq_error *error)
{
    if (options->isolate)
        return 0;
    return aq_fail(error, AQ_E_INVALID,
                   "option \"%s\" is only for workloads that are isolated, not with isolate: false", field->name);
}

static int read_network(const struct aq_field *field, const json_t *value, void *object, struct aq_arena *arena,
                        struct aq_error *error)
{
    struct aq_process_options *options = object;
    (void)arena;
    int word = aq_option_is_text(value) ? aq_words_find(field->words, json_string_value(value)) : -1;
    if (word < 0)
        return aq_option_refuse(field, value, NETWORKS, error);
    options->network = (uint32_t)word;
    return word == PROCESS_NETWORK_HOST ? 0 : check_isolated(field, options, error);
}

static int read_root(const struct aq_field *field, const json_t *value, void *object, struct aq_arena *arena,
                     struct aq_error *error)
{
    if (aq_read_directory(field, value, object, arena, error) != 0)
        return -1;
    return check_isolated(field, object, error);
}

static int read_mounts(const struct aq_field *field, const json_t *value, void *object, struct aq_arena *arena,
                       struct aq_error *error)
{
    const struct aq_process_options *options = object;
    if (aq_read_mounts(field, value, object, arena, error) != 0)
        return -1;
    return options->mounts.count > 0 ? check_isolated(field, options, error) : 0;
}

static const struct aq_option_reader readers[] = {
    {"command", "a list of texts, or one text", aq_read_command},
    {"entrypoint", "a list of texts", aq_read_entrypoint},
    {"environment", "an object of texts and numbers", aq_read_environment},
    {"directory", "an absolute path", aq_read_directory},
    {"root", "an absolute path", read_root},
    {"mounts", "a list of SOURCE:TARGET or SOURCE:TARGET:rw", read_mounts},
    {"network", NETWORKS, read_network},
    {"user", "a name or a number", aq_read_user},
    {0},
};

static int check(const void *object, struct aq_error *error)
{
    const struct aq_process_options *options = object;
    return aq_mounts_check(&options->mounts, "/work", error);
}

static void read_demand(const void *object, struct aq_demand *demand)
{
    const struct aq_process_options *options = object;
    demand->user = options->user;
    demand->directory = options->directory;
    demand->root = options->root;
    demand->mounts = &options->mounts;
    demand->program = AQ_TEXT_ITEM(options->entrypoint.count > 0 ? options->entrypoint : options->command, 0);
    demand->environment = &options->environment;
    demand->new_privileges = options->new_privileges;
    demand->unisolated = !options->isolate;
}

static enum aq_reach find_reach(const void *record)
{
    const struct aq_process_options *options = record;
    return options->network == PROCESS_NETWORK_HOST ? AQ_REACH_HOST : AQ_REACH_NONE;
}

AQ_DRIVER(
    process,
    "Runs a program on the agent's host, shut in: it sees no other processes, and of the host's files the programs "
    "and settings alone. When its main process ends, all that it started ends too.",
    readers, read_demand, .check = check, .reach = find_reach, .takes_commands = true, .takes_arguments = true,
    .keeps_leases = true)

struct aq_list aq_process_command(const struct aq_process_options *options, const struct aq_list *given,
                                  struct aq_arena *arena)
{
    const struct aq_list *first = &options->entrypoint, *rest = given->count > 0 ? given : &options->command;
    const char **words = aq_arena_alloc(arena, (first->count + rest->count) * sizeof *words);
    for (uint32_t i = 0; i < first->count; i++)
        words[i] = AQ_TEXT_ITEM(*first, i);
    for (uint32_t i = 0; i < rest->count; i++)
        words[first->count + i] = AQ_TEXT_ITEM(*rest, i);
    return (struct aq_list){words, first->count + rest->count};
}

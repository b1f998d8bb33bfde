/* What the verbs of entities do. They follow from the declarations in schema/model: an entity is a noun, by its name
 * and by its plural; its commands and its views are verbs, besides those in action.h.
 *
 * Words that are not field=value are keys: numbers or names. A label may also be given by its name, for its latest
 * version, or by name:version; "last" is the caller's newest application. */
#ifndef AQ_TOOLS_AQ_NOUNS_H
#define AQ_TOOLS_AQ_NOUNS_H

#include "schema/model/command.h"
#include "schema/model/view.h"
#include "tools/aq/client.h"

struct cli {
    struct cli_options options;
    struct cli_client *client;
};

#define CLI_NEWEST "last" /* the key of the caller's newest row, of an entity that has one */

/* Runs the line in `cli->options`: the whole of aq. Opens the client when it needs one; the caller closes it. */
enum cli_exit cli_run(struct cli *cli);

/* ---- reads: read.c -------------------------------------------------------------------------------------- */

enum cli_exit cli_list(struct cli *cli, const struct aq_entity *entity, const char *const *words, unsigned count);
enum cli_exit cli_get(struct cli *cli, const struct aq_entity *entity, const char *const *words, unsigned count);
/* The row, and what led to it. `entity` NULL: a name, of whatever has it. */
enum cli_exit cli_describe(struct cli *cli, const struct aq_entity *entity, const char *const *words, unsigned count);
/* One field of one row, alone. */
enum cli_exit cli_get_field(struct cli *cli, const struct aq_entity *entity, const char *word,
                            const struct aq_field *field);
/* The row that a word names; reported on standard error if there is none. `reply.data` is the row; the caller closes
 * it. */
enum cli_exit cli_find(struct cli *cli, const struct aq_entity *entity, const char *word, struct cli_reply *reply);
/* Only its key; a word that the server takes as a key is not looked up. */
enum cli_exit cli_find_key(struct cli *cli, const struct aq_entity *entity, const char *word, struct aq_buffer *key);
/* The same without a message: `reply` says what is wrong. */
enum cli_exit cli_try_find(struct cli *cli, const struct aq_entity *entity, const char *word, struct cli_reply *reply);

/* ---- rows: rows.c --------------------------------------------------------------------------------------- */

struct cli_rows {
    const char *path, *query; /* "/api/v1/node/", "&status=LOST" */
    uint64_t most;
    bool *forbidden; /* NULL: a user who may not read them is told so; else it is set then, and there are no rows */
};

/* Reads them page by page. `seq`, when it is 0, is set to what they are true at. `more`: there are others. */
enum cli_exit cli_read_rows(struct cli *cli, const struct cli_rows *wanted, json_t **rows, uint64_t *seq, bool *more);

/* ---- writes: write.c ------------------------------------------------------------------------------------ */

/* The field that a word alone sets, where something is created: the command's value, the row's key, its group, or its
 * name. NULL: none. */
const struct aq_field *cli_bare_field(const struct aq_command *command);
enum cli_exit cli_write(struct cli *cli, const struct aq_command *command, const char *const *words, unsigned count);
/* The same, but shows nothing: gives the keys of what was made or changed, as a list of texts (the caller's reference),
 * and the seq of the answer. */
enum cli_exit cli_write_keys(struct cli *cli, const struct aq_command *command, const char *const *words,
                             unsigned count, json_t **keys, uint64_t *seq);
/* Sends one object; `key` is NULL for a command that creates. What refuses it is told in `refusal`
 * alone. */
enum cli_exit cli_write_object(struct cli *cli, const struct aq_command *command, const char *key, const json_t *object,
                               struct aq_error *refusal);
/* Opens one row in an editor, and sends what was saved. */
enum cli_exit cli_edit(struct cli *cli, const struct aq_entity *entity, const char *word);

/* ---- views: views.c ------------------------------------------------------------------------------------- */

/* The views that aq can show: those of schema/model/view.h whose kind has a renderer here. */
const struct aq_view *cli_view_at(size_t *index); /* the next one from *index on, which it advances; NULL: no more */
const struct aq_view *cli_view_find(const struct aq_entity *entity, const char *name);
const char *cli_view_help(const struct aq_view *view, struct aq_buffer *out); /* its help, in `out` */
enum cli_exit cli_view_show(struct cli *cli, const struct aq_view *view, const char *key);

#endif

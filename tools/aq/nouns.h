/* The nouns and verbs of aq. They follow from the declarations in schema/model: an entity is a noun, by its name and by
 * its plural; its commands and its views are verbs, besides list, get and watch.
 *
 *   aq applications                    list         aq application 7                get
 *   aq applications create label=mac   a command    aq application 7 deallocate     the same as: deallocate 7
 *   aq application 7 why               a view       aq application 7 status         one field
 *
 * Words that are not field=value are keys: numbers or names. A label may also be given by its name, for its latest
 * version, or by name:version. */
#ifndef AQ_TOOLS_AQ_NOUNS_H
#define AQ_TOOLS_AQ_NOUNS_H

#include "schema/model/command.h"
#include "schema/model/view.h"
#include "tools/aq/client.h"

struct cli {
    struct cli_options options;
    struct cli_client *client;
};

/* `words` are those after the noun. */
enum cli_exit cli_noun(struct cli *cli, const struct aq_entity *entity, const char *const *words, unsigned count);

/* ---- reads: read.c -------------------------------------------------------------------------------------- */

enum cli_exit cli_list(struct cli *cli, const struct aq_entity *entity, const char *const *words, unsigned count);
enum cli_exit cli_get(struct cli *cli, const struct aq_entity *entity, const char *const *words, unsigned count);
/* One field of one row, alone. */
enum cli_exit cli_get_field(struct cli *cli, const struct aq_entity *entity, const char *word,
                            const struct aq_field *field);
/* The row that a word names; reported on standard error if there is none. `reply.data` is the row; the caller closes
 * it. */
enum cli_exit cli_find(struct cli *cli, const struct aq_entity *entity, const char *word, struct cli_reply *reply);
/* All rows of a query such as "&status=NEW", page by page, at most `most`. `more`: there are others. */
enum cli_exit cli_read_rows(struct cli *cli, const char *path, const char *query, uint64_t most, json_t **rows,
                            uint64_t *seq, bool *more);

/* ---- writes: write.c ------------------------------------------------------------------------------------ */

enum cli_exit cli_write(struct cli *cli, const struct aq_command *command, const char *const *words, unsigned count);

/* ---- views: views.c ------------------------------------------------------------------------------------- */

/* The views that aq can show: those of schema/model/view.h whose kind has a renderer here. */
const struct aq_view *cli_view_at(size_t *index); /* the next one from *index on, which it advances; NULL: no more */
const struct aq_view *cli_view_find(const struct aq_entity *entity, const char *name);
const char *cli_view_help(const struct aq_view *view, struct aq_buffer *out); /* its help, in `out` */
enum cli_exit cli_view_show(struct cli *cli, const struct aq_view *view, const char *key);

/* The entity's verbs that are not commands. */
extern const char *const cli_read_verbs[]; /* ends with NULL */
const char *cli_read_verb_help(const char *verb);
/* May a user ask for it? */
bool cli_command_is_verb(const struct aq_command *command, const struct aq_entity *entity);

#endif

/* What the registry does not say: answers that are derived from a row, and stand in its directory beside its fields and
 * commands. One table in extras.c says which entity has which. */
#ifndef AQ_FS_TREE_EXTRAS_H
#define AQ_FS_TREE_EXTRAS_H

#include "fs/tree/look.h"

enum extra_kind {
    EXTRA_TEXT,    /* a file; `write` makes its content from the tables */
    EXTRA_FETCHED, /* a file whose content the node is asked for */
    EXTRA_LIVE,    /* a directory: the fields of the live tables */
};

struct tree_extra {
    const char *entity; /* its name */
    const char *name;   /* of the file */
    enum extra_kind kind;
    const char *help;
    int (*write)(struct look *look, const struct aq_entity *entity, const void *row, struct aq_buffer *out,
                 struct aq_error *error);
};

const struct tree_extra *extras_at(size_t index); /* NULL behind the last */

/* The fields that the live tables have about a row, and their values; false: nothing was heard of it. */
const struct aq_record *extras_live_record(void);
bool extras_live_read(struct look *look, const char *key, void *live);

/* Does the table have a link to the caller's newest row? Which is that? 0: he has none. */
bool extras_has_newest(const struct aq_entity *entity);
uint64_t extras_newest(struct look *look, const struct aq_entity *entity);

#endif

/* A node of the tree: a directory, file or link. It is a small value that can be copied and compared, and refers only
 * to declarations. Whether it exists is read from the tables each time. */
#ifndef AQ_FS_TREE_NODE_H
#define AQ_FS_TREE_NODE_H

#include "schema/model/command.h"
#include "schema/model/entity.h"

#include <stdbool.h>
#include <stdint.h>

enum { TREE_KEY_SIZE = 65 }; /* of the key of a row, as users write it, with its NUL */

enum tree_kind {
    TREE_ROOT,
    TREE_README,
    TREE_EVENTS,
    TREE_ERRORS,
    TREE_LAST_ERROR,
    TREE_CLUSTER,
    TREE_SEQ,
    TREE_LEADER,
    TREE_MEMBERS,
    TREE_MEMBER,       /* key: its name */
    TREE_MEMBER_FIELD, /* key, field */
    TREE_TABLE,        /* entity */
    TREE_NEWEST,       /* entity: a link */
    TREE_GROUP,        /* entity, key: the group's name */
    TREE_LATEST,       /* entity, key: the group's name; a link */
    TREE_ROW,          /* entity, key: of the row, also within groups */
    TREE_FIELD,        /* entity, key, field; and command, if one has the name of the field */
    TREE_LINK,         /* entity, key, field */
    TREE_CONTROL,      /* entity, key (empty for a command of the table), command */
    TREE_VIEW,         /* entity, key, view */
    TREE_LIVE,         /* entity, key: a directory */
    TREE_LIVE_FIELD,   /* entity, key, field */
    TREE_RELATED,      /* entity, key: of the project whose rows of the entity it lists; a directory */
    TREE_RELATED_ROW,  /* entity, key: a link to the row */
};

struct aq_view;

/* Make one with tree_node(), then set what else its kind has. */
struct tree_node {
    enum tree_kind kind;
    char key[TREE_KEY_SIZE];
    const struct aq_entity *entity;
    const struct aq_field *field;
    const struct aq_command *command;
    const struct aq_view *view;
    uint64_t resource, base; /* of a view AQ_VIEW_OUTPUT: see outputs.h */
};

struct tree_node tree_node(enum tree_kind kind, const struct aq_entity *entity, const char *key);
bool tree_node_equal(const struct tree_node *a, const struct tree_node *b);
uint64_t tree_node_hash(const struct tree_node *node); /* the same in every process; never 0 or 1 */

enum tree_shape { TREE_IS_DIRECTORY, TREE_IS_FILE, TREE_IS_LINK };
enum tree_shape tree_node_shape(const struct tree_node *node);
bool tree_node_is_control(const struct tree_node *node); /* it takes writes */
bool tree_node_is_row(const struct tree_node *node);     /* a row or a node in one, which has the owner of the row */

/* The next entity, from *index on, whose rows belong to rows of `to`, that is to projects; NULL: there are no more.
 */
const struct aq_entity *tree_related_at(const struct aq_entity *to, size_t *index);
/* The entity to whose rows these belong. */
const struct aq_entity *tree_related_to(const struct aq_entity *entity);

/* The nodes that always exist, and their directories. NULL after the last. */
struct tree_fixed {
    enum tree_kind parent;
    const char *name;
    enum tree_kind kind;
};
const struct tree_fixed *tree_fixed_at(size_t index);

#endif

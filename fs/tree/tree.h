/* The tree: what stands under which name, and what each thing stands for.
 *
 *   /README  /events  /errors/last  /cluster/{seq,leader,members/<name>/<field>}
 *   /<plural>/                            a table of the registry
 *       new                               its command that creates
 *       last -> <key>                     the newest row of the caller
 *       <key>/                            a row, or <group>/<member>/ with latest -> <member>
 *           <field>                       one field; a symbolic link where it refers to another row
 *           <verb>, update, delete        the commands about the row
 *           why, events, log, ...         what is derived from it: extras.h
 *
 * A node of the tree is a value: small, comparable, and independent of any memory of ours. Whether it exists is asked
 * of the tables each time. */
#ifndef AQ_FS_TREE_TREE_H
#define AQ_FS_TREE_TREE_H

#include "fs/tree/look.h"

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
    TREE_ROW,          /* entity, key: as users write it, also within groups */
    TREE_FIELD,        /* entity, key, field; command as well if one has its name */
    TREE_LINK,         /* entity, key, field */
    TREE_CONTROL,      /* entity, key (empty for the table's own), command */
    TREE_EXTRA,        /* entity, key, extra */
    TREE_LIVE,         /* entity, key: a directory */
    TREE_LIVE_FIELD,   /* entity, key, field */
};

struct tree_extra;

/* All bytes count when nodes are compared: begin with tree_node(). */
struct tree_node {
    enum tree_kind kind;
    char key[LOOK_KEY_SIZE];
    const struct aq_entity *entity;
    const struct aq_field *field;
    const struct aq_command *command;
    const struct tree_extra *extra;
};

struct tree_node tree_node(enum tree_kind kind, const struct aq_entity *entity, const char *key);
bool tree_node_equal(const struct tree_node *a, const struct tree_node *b);
uint64_t tree_node_hash(const struct tree_node *node); /* the same in every process; never 0 or 1 */

enum tree_shape { TREE_IS_DIRECTORY, TREE_IS_FILE, TREE_IS_LINK };
enum tree_shape tree_node_shape(const struct tree_node *node);
bool tree_node_is_row(const struct tree_node *node); /* a row, or something in one: it has the row's owner */

/* Finds `name` in the directory `parent`. False: not there, or not for the caller to see. */
bool tree_find(struct look *look, const struct tree_node *parent, const char *name, struct tree_node *child);

/* Calls `entry` for all that is in the directory, as far as the caller may see it, until it returns false. */
typedef bool tree_entry_fn(void *context, const char *name, const struct tree_node *node);
void tree_list(struct look *look, const struct tree_node *parent, tree_entry_fn *entry, void *context);

/* Appends where a link leads, as readlink() shows it. False: it leads nowhere (any more). */
bool tree_link(struct look *look, const struct tree_node *node, struct aq_buffer *out);

/* "/labels/mac/2/delete", for messages; cut where it does not fit. */
void tree_path(struct look *look, const struct tree_node *node, char *out, size_t size);

#endif

/* Permissions: each command and each kind of read is one, named `entity.verb`, and roles are lists of patterns of them.
 *
 * Nobody keeps the list: it is made from the declarations. An entity brings `read` (one row, its fields and files),
 * `list` (its rows in lists and directories) and `events` (its events, in streams and views), and each of its commands
 * and views one by its name. What is none of these is declared with AQ_PERMISSION. The patterns of a role are compiled
 * into bits, so that asking for a right costs a few nanoseconds. */
#ifndef AQ_SCHEMA_MODEL_PERMISSION_H
#define AQ_SCHEMA_MODEL_PERMISSION_H

#include "schema/model/command.h"
#include "schema/model/entity.h"
#include "schema/model/view.h"

enum {
    AQ_PERMISSIONS_MAX = 256,
    AQ_PERMISSION_SIZE = 100, /* of a name, with its NUL */
    AQ_PATTERN_MAX = 160,     /* bytes of a pattern */
};

struct aq_permission {
    char name[AQ_PERMISSION_SIZE];    /* "application.create" */
    const char *group, *verb;         /* "application", "create" */
    const char *help;                 /* what it permits */
    const struct aq_entity *entity;   /* of the rows that it is about; NULL: it is about no rows */
    const struct aq_command *command; /* NULL: it is no command */
    bool has_own;                     /* it may be limited to the holder's own rows */
    bool in_project;                  /* a role that somebody has in one project gives it there */
    unsigned number;                  /* its bit */
};

/* What is neither a command nor a read of an entity: AQ_PERMISSION(cluster, verify, "one line of help"). */
struct aq_extra_permission {
    const char *group, *verb, *help;
};
#define AQ_PERMISSION(of, does, words)                                                                                 \
    static const struct aq_extra_permission of##_##does##_permission = {#of, #does, words};                            \
    AQ_REGISTER(aq_permissions, aq_extra_permission, of##_##does##_permission)

const struct aq_permission *aq_permission_at(size_t index); /* by entity, in order of rank; NULL after the last */
const struct aq_permission *aq_permission_named(const char *name); /* NULL: there is none */
/* The one that giving the command takes. Not of internal commands, which no permission permits. */
const struct aq_permission *aq_permission_of_command(const struct aq_command *command);
/* The one that the view of a row takes. A view that shows the row in another form takes `read`. */
const struct aq_permission *aq_permission_of_view(const struct aq_view *view);
/* `verb` is "read", "list" or "events". */
const struct aq_permission *aq_permission_of(const struct aq_entity *entity, const char *verb);

/* What it permits, as refusals call it: "list nodes", "read events of nodes", "deallocate applications". */
enum { AQ_ACTION_SIZE = 128 };
void aq_permission_action(const struct aq_permission *permission, char action[AQ_ACTION_SIZE]);
/* The same of a command, an internal one, too. */
void aq_command_action(const struct aq_command *command, char action[AQ_ACTION_SIZE]);

/* ---- rights: what somebody may do ----------------------------------------------------------------------- */

enum aq_scope {
    AQ_SCOPE_NONE,
    AQ_SCOPE_OWN, /* only the holder's own rows */
    AQ_SCOPE_ALL
};

enum { AQ_RIGHTS_WORDS = AQ_PERMISSIONS_MAX / 64 };
struct aq_rights {
    uint64_t all[AQ_RIGHTS_WORDS]; /* a bit for each permission */
    uint64_t own[AQ_RIGHTS_WORDS]; /* limited to own rows; only where `all` has no bit */
};

/* Fails with AQ_E_INVALID if `pattern` is not "*", "ENTITY.VERB", "ENTITY.*" or "*.VERB", with ":own" behind it or not,
 * or matches nothing; the message names what there is. */
int aq_pattern_check(const char *pattern, struct aq_error *error) AQ_MUST_CHECK;
/* Adds what the pattern matches. One that matches nothing adds nothing. */
void aq_rights_add(struct aq_rights *rights, const char *pattern);
/* What a list of patterns (TEXTS) permits. */
struct aq_rights aq_rights_of(const struct aq_list *patterns);
struct aq_rights aq_rights_whole(void); /* everything */
/* What both permit. */
struct aq_rights aq_rights_both(const struct aq_rights *one, const struct aq_rights *other);
/* What one of them permits. */
void aq_rights_join(struct aq_rights *rights, const struct aq_rights *more);

/* The next permission from `*index` on that is permitted, with its scope; NULL: there is none. */
const struct aq_permission *aq_rights_next(const struct aq_rights *rights, size_t *index, enum aq_scope *scope);
/* How users write a permission in a scope: "application.read:own". */
enum { AQ_SCOPED_SIZE = AQ_PERMISSION_SIZE + 4 };
void aq_permission_text(const struct aq_permission *permission, enum aq_scope scope, char text[AQ_SCOPED_SIZE]);

/* Keeps what a role gives to a user that has it in one project: the permissions that are about rows of projects. */
void aq_rights_keep_project(struct aq_rights *rights);

/* What they permit to somebody, seen from somebody else: own rows of one are other rows for everybody else. */
void aq_rights_as_another(struct aq_rights *rights);

/* Is all that `given` permits permitted by `held`? False: `lacking` is the first permission that is not, with the scope
 * in which it is given. */
bool aq_rights_cover(const struct aq_rights *held, const struct aq_rights *given, const struct aq_permission **lacking,
                     enum aq_scope *scope);

static inline enum aq_scope aq_rights_scope(const struct aq_rights *rights, const struct aq_permission *permission)
{
    const unsigned word = permission->number / 64;
    const uint64_t bit = (uint64_t)1 << permission->number % 64;
    if (rights->all[word] & bit)
        return AQ_SCOPE_ALL;
    return rights->own[word] & bit ? AQ_SCOPE_OWN : AQ_SCOPE_NONE;
}

#endif

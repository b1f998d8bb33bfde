#include "schema/model/permission.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

AQ_PERMISSION(cluster, read, "see which controllers there are, and who leads")
AQ_PERMISSION(cluster, metrics, "read the metrics from another host")
AQ_PERMISSION(cluster, verify, "have the log checked")
AQ_PERMISSION(cluster, connect, "get one of the connections that are kept for those who look after the cluster")
AQ_PERMISSION(cluster, exceed, "send and write more than the limits for requests and bytes")
AQ_PERMISSION(label, exceed, "give an application more lifetime than its label allows")

extern const struct aq_extra_permission *const __start_aq_permissions[], *const __stop_aq_permissions[];

static struct aq_permission table[AQ_PERMISSIONS_MAX];
static size_t table_count;

/* ---- the table ------------------------------------------------------------------------------------------ */

static struct aq_permission *find(const char *name)
{
    for (size_t i = 0; i < table_count; i++)
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    return NULL;
}

static struct aq_permission *add(const char *group, const char *verb, const char *help)
{
    char name[AQ_PERMISSION_SIZE];
    int length = snprintf(name, sizeof name, "%s.%s", group, verb);
    aq_assert(length > 0 && (size_t)length < sizeof name && table_count < AQ_PERMISSIONS_MAX && find(name) == NULL);
    struct aq_permission *permission = &table[table_count];
    *permission = (struct aq_permission){.group = group, .verb = verb, .help = help, .number = (unsigned)table_count++};
    memcpy(permission->name, name, sizeof name);
    return permission;
}

/* A project is not changed by those who have roles in it: they would set their own quota. */
static bool is_in_project(const struct aq_entity *entity, const struct aq_command *command)
{
    if (entity->project == NULL)
        return false;
    return command == NULL || strcmp(entity->project, aq_entity_key(entity)->name) != 0;
}

/* Views of these kinds show the row itself, and `events` is there for every entity. */
static bool view_is_of_its_own(const struct aq_view *view)
{
    return view->kind != AQ_VIEW_LIVE && view->kind != AQ_VIEW_LOAD && view->kind != AQ_VIEW_DEFINITION &&
           view->kind != AQ_VIEW_EVENTS;
}

static void add_reads(const struct aq_entity *entity)
{
    static const struct {
        const char *verb, *help;
    } reads[] = {{"read", "see a row and its fields"}, {"list", "list rows"}, {"events", "see events"}};
    for (size_t i = 0; i < AQ_LENGTH(reads); i++) {
        struct aq_permission *permission = add(entity->name, reads[i].verb, reads[i].help);
        permission->entity = entity;
        permission->has_own = entity->owner_number != NULL;
        permission->in_project = is_in_project(entity, NULL);
    }
    const struct aq_view *view;
    for (size_t i = 0; (view = aq_view_at(i)) != NULL; i++) {
        if (view->entity != entity || !view_is_of_its_own(view))
            continue;
        struct aq_permission *permission = add(entity->name, view->name, view->help);
        permission->entity = entity;
        permission->has_own = entity->owner_number != NULL;
        permission->in_project = is_in_project(entity, NULL);
    }
}

/* A row that is created is its creator's own, unless the row is a user. */
static bool command_has_own(const struct aq_command *command)
{
    const struct aq_entity *entity = command->entity;
    if (entity->owner_number == NULL || command->of_all)
        return false;
    return command->kind != AQ_CREATES || strcmp(aq_entity_key(entity)->name, entity->owner) != 0;
}

static void add_commands(const struct aq_entity *entity)
{
    const struct aq_command *command;
    for (size_t i = 0; (command = aq_command_at(i)) != NULL; i++) {
        if (command->entity != entity || command->kind == AQ_INTERNAL_COMMAND)
            continue;
        struct aq_permission *permission = add(entity->name, command->verb, command->help);
        permission->entity = entity;
        permission->command = command;
        permission->has_own = command_has_own(command);
        permission->in_project = is_in_project(entity, command);
    }
}

static void add_extras(const char *group)
{
    for (const struct aq_extra_permission *const *row = __start_aq_permissions; row < __stop_aq_permissions; row++)
        if (strcmp((*row)->group, group) == 0)
            add((*row)->group, (*row)->verb, (*row)->help);
}

static void fill(void)
{
    const struct aq_entity *entity;
    for (size_t i = 0; (entity = aq_entity_at(i)) != NULL; i++) {
        add_reads(entity);
        add_commands(entity);
        add_extras(entity->name);
    }
    for (const struct aq_extra_permission *const *row = __start_aq_permissions; row < __stop_aq_permissions; row++)
        if (aq_entity_find((*row)->group) == NULL)
            add((*row)->group, (*row)->verb, (*row)->help);
}

/* Made at the first use: constructors of other files may not have run when one here would. */
static void need_table(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, fill);
}

const struct aq_permission *aq_permission_at(size_t index)
{
    need_table();
    return index < table_count ? &table[index] : NULL;
}

const struct aq_permission *aq_permission_named(const char *name)
{
    need_table();
    return find(name);
}

const struct aq_permission *aq_permission_of_command(const struct aq_command *command)
{
    need_table();
    for (size_t i = 0; i < table_count; i++)
        if (table[i].command == command)
            return &table[i];
    aq_broken(__FILE__, __LINE__, "a command that no permission permits");
}

const struct aq_permission *aq_permission_of_view(const struct aq_view *view)
{
    if (view_is_of_its_own(view))
        return aq_permission_of(view->entity, view->name);
    return aq_permission_of(view->entity, view->kind == AQ_VIEW_EVENTS ? "events" : "read");
}

const struct aq_permission *aq_permission_of(const struct aq_entity *entity, const char *verb)
{
    need_table();
    for (size_t i = 0; i < table_count; i++)
        if (table[i].entity == entity && strcmp(table[i].verb, verb) == 0)
            return &table[i];
    aq_broken(__FILE__, __LINE__, "an entity without this permission");
}

/* ---- what refusals call it ------------------------------------------------------------------------------ */

void aq_command_action(const struct aq_command *command, char action[AQ_ACTION_SIZE])
{
    const char *plural = command->entity->plural;
    if (command->kind == AQ_ACTS || command->kind == AQ_INTERNAL_COMMAND)
        snprintf(action, AQ_ACTION_SIZE, "run %s on %s", command->verb, plural);
    else
        snprintf(action, AQ_ACTION_SIZE, "%s %s", command->verb, plural);
}

void aq_permission_action(const struct aq_permission *permission, char action[AQ_ACTION_SIZE])
{
    const struct aq_view *view = permission->entity != NULL ? aq_view_of(permission->entity, permission->verb) : NULL;
    if (permission->command != NULL)
        aq_command_action(permission->command, action);
    else if (permission->entity == NULL)
        snprintf(action, AQ_ACTION_SIZE, "%s", permission->help);
    else if (strcmp(permission->verb, "read") == 0 || strcmp(permission->verb, "list") == 0)
        snprintf(action, AQ_ACTION_SIZE, "%s %s", permission->verb, permission->entity->plural);
    else
        snprintf(action, AQ_ACTION_SIZE, view != NULL && view->kind == AQ_VIEW_EXEC ? "run %s on %s" : "read %s of %s",
                 permission->verb, permission->entity->plural);
}

/* ---- patterns ------------------------------------------------------------------------------------------- */

struct pattern {
    char group[AQ_PATTERN_MAX + 1], verb[AQ_PATTERN_MAX + 1];
    bool own;
};

static bool parse(const char *text, struct pattern *pattern)
{
    static const char own[] = ":own";
    size_t length = strlen(text);
    if (length > AQ_PATTERN_MAX)
        return false;
    size_t end = length > sizeof own - 1 ? length - (sizeof own - 1) : 0;
    pattern->own = end > 0 && strcmp(text + end, own) == 0;
    length = pattern->own ? end : length;
    const char *dot = memchr(text, '.', length);
    if (dot == NULL && !(length == 1 && text[0] == '*'))
        return false;
    size_t group = dot != NULL ? (size_t)(dot - text) : 1;
    memcpy(pattern->group, text, group);
    pattern->group[group] = '\0';
    size_t verb = dot != NULL ? length - group - 1 : 1;
    memcpy(pattern->verb, dot != NULL ? dot + 1 : text, verb);
    pattern->verb[verb] = '\0';
    return true;
}

static bool matches(const char *part, const char *name)
{
    return strcmp(part, "*") == 0 || strcmp(part, name) == 0;
}

static bool pattern_matches(const struct pattern *pattern, const struct aq_permission *permission)
{
    return matches(pattern->group, permission->group) && matches(pattern->verb, permission->verb);
}

static void list_verbs(const char *group, struct aq_buffer *out)
{
    for (size_t i = 0; i < table_count; i++)
        if (strcmp(table[i].group, group) == 0)
            aq_buffer_format(out, "%s%s", out->length > 0 ? ", " : "", table[i].verb);
}

static void list_groups(struct aq_buffer *out)
{
    const char *last = "";
    for (size_t i = 0; i < table_count; i++) {
        if (strcmp(table[i].group, last) != 0)
            aq_buffer_format(out, "%s%s", out->length > 0 ? ", " : "", table[i].group);
        last = table[i].group;
    }
}

static int refuse_unmatched(const char *text, const struct pattern *pattern, struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer known = {0};
    if (strcmp(pattern->group, "*") != 0)
        list_verbs(pattern->group, &known);
    if (known.length > 0)
        return aq_fail(error, AQ_E_INVALID, "\"%.160s\" permits nothing; the verbs of %s are %s", text, pattern->group,
                       aq_buffer_string(&known));
    list_groups(&known);
    return aq_fail(error, AQ_E_INVALID, "\"%.160s\" permits nothing; there is %s", text, aq_buffer_string(&known));
}

int aq_pattern_check(const char *text, struct aq_error *error)
{
    struct pattern pattern;
    const struct aq_permission *found = NULL;
    need_table();
    if (!parse(text, &pattern))
        return aq_fail(error, AQ_E_INVALID,
                       "\"%.160s\" is no pattern of permissions: write ENTITY.VERB, with * for any, and :own behind it "
                       "for the user's own rows, such as label.* or application.deallocate:own",
                       text);
    for (size_t i = 0; i < table_count; i++) {
        if (!pattern_matches(&pattern, &table[i]))
            continue;
        if (!pattern.own || table[i].has_own)
            return 0;
        found = &table[i];
    }
    if (found == NULL)
        return refuse_unmatched(text, &pattern, error);
    return aq_fail(error, AQ_E_INVALID,
                   "\"%.160s\" permits nothing: %s is not about rows that users own: leave :own out", text,
                   found->name);
}

void aq_rights_add(struct aq_rights *rights, const char *text)
{
    struct pattern pattern;
    need_table();
    if (!parse(text, &pattern))
        return;
    for (size_t i = 0; i < table_count; i++) {
        const uint64_t bit = (uint64_t)1 << i % 64;
        if (!pattern_matches(&pattern, &table[i]) || (pattern.own && !table[i].has_own))
            continue;
        if (!pattern.own)
            rights->all[i / 64] |= bit;
        else
            rights->own[i / 64] |= bit;
    }
    for (size_t i = 0; i < AQ_RIGHTS_WORDS; i++)
        rights->own[i] &= ~rights->all[i];
}

struct aq_rights aq_rights_of(const struct aq_list *patterns)
{
    struct aq_rights rights = {0};
    for (uint32_t i = 0; i < patterns->count; i++)
        aq_rights_add(&rights, AQ_TEXT_ITEM(*patterns, i));
    return rights;
}

struct aq_rights aq_rights_whole(void)
{
    struct aq_rights rights;
    memset(&rights, 0, sizeof rights);
    memset(rights.all, 0xFF, sizeof rights.all);
    return rights;
}

struct aq_rights aq_rights_both(const struct aq_rights *one, const struct aq_rights *other)
{
    struct aq_rights both;
    for (size_t i = 0; i < AQ_RIGHTS_WORDS; i++) {
        both.all[i] = one->all[i] & other->all[i];
        both.own[i] = (one->all[i] | one->own[i]) & (other->all[i] | other->own[i]) & ~both.all[i];
    }
    return both;
}

void aq_rights_join(struct aq_rights *rights, const struct aq_rights *more)
{
    for (size_t i = 0; i < AQ_RIGHTS_WORDS; i++) {
        rights->all[i] |= more->all[i];
        rights->own[i] = (rights->own[i] | more->own[i]) & ~rights->all[i];
    }
}

const struct aq_permission *aq_rights_next(const struct aq_rights *rights, size_t *index, enum aq_scope *scope)
{
    const struct aq_permission *permission;
    while ((permission = aq_permission_at((*index)++)) != NULL)
        if ((*scope = aq_rights_scope(rights, permission)) != AQ_SCOPE_NONE)
            return permission;
    return NULL;
}

void aq_permission_text(const struct aq_permission *permission, enum aq_scope scope, char text[AQ_SCOPED_SIZE])
{
    snprintf(text, AQ_SCOPED_SIZE, "%s%s", permission->name, scope == AQ_SCOPE_OWN ? ":own" : "");
}

void aq_rights_keep_project(struct aq_rights *rights)
{
    struct aq_rights kept = {0};
    need_table();
    for (size_t i = 0; i < table_count; i++) {
        const uint64_t bit = (uint64_t)1 << i % 64;
        if (!table[i].in_project)
            continue;
        kept.all[i / 64] |= rights->all[i / 64] & bit;
        kept.own[i / 64] |= rights->own[i / 64] & bit;
    }
    *rights = kept;
}

void aq_rights_as_another(struct aq_rights *rights)
{
    for (size_t i = 0; i < AQ_RIGHTS_WORDS; i++) {
        rights->all[i] |= rights->own[i];
        rights->own[i] = 0;
    }
}

bool aq_rights_cover(const struct aq_rights *held, const struct aq_rights *given, const struct aq_permission **lacking,
                     enum aq_scope *scope)
{
    need_table();
    for (size_t i = 0; i < table_count; i++) {
        *scope = aq_rights_scope(given, &table[i]);
        *lacking = &table[i];
        if (*scope > aq_rights_scope(held, &table[i]))
            return false;
    }
    return true;
}

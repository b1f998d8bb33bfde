#include "fs/tree/content.h"

#include "controller/state/applied.h"
#include "fs/link/eventfeed.h"
#include "fs/link/news.h"
#include "fs/tree/complaints.h"
#include "fs/tree/control.h"
#include "fs/tree/outputs.h"
#include "fs/tree/paths.h"
#include "fs/tree/permits.h"
#include "fs/tree/readme.h"
#include "fs/tree/tree.h"
#include "fs/tree/views.h"
#include "schema/base/clock.h"
#include "schema/codec/text.h"
#include "schema/model/key.h"

#include <string.h>

bool content_is_fetched(const struct tree_node *node)
{
    return node->kind == TREE_VIEW && node->view->kind == AQ_VIEW_OUTPUT;
}

/* ---- content ------------------------------------------------------------------------------------------ */

static void end_line(struct aq_buffer *out, size_t start)
{
    if (out->length > start && out->data[out->length - 1] != '\n')
        aq_buffer_char(out, '\n');
}

/* The value and a line feed; nothing if the value is empty. */
static void write_field(const struct aq_field *field, const void *object, struct aq_buffer *out)
{
    size_t start = out->length;
    aq_field_to_text(field, object, out);
    if (out->length > start)
        aq_buffer_char(out, '\n');
}

static void write_leader(const struct news *news, struct aq_buffer *out)
{
    const char *leader = news_leader(news);
    aq_buffer_format(out, "%s\n", leader != NULL ? leader : "none");
}

static int write_in_row(struct look *look, const struct tree_node *node, struct aq_buffer *out, struct aq_error *error)
{
    const void *row = look_row(look, node->entity, node->key);
    size_t start = out->length;
    if (row == NULL)
        return aq_key_not_found(node->entity, aq_key_name(node->key), error);
    if (node->kind == TREE_FIELD) {
        write_field(node->field, row, out);
    } else if (node->kind == TREE_LIVE_FIELD) {
        void *live = aq_arena_alloc(look->arena, node->entity->live->size);
        if (tree_live_read(look, node->entity, node->key, live))
            write_field(node->field, live, out);
    } else if (tree_view_write(look, node->view, row, out, error) != 0) {
        return -1;
    } else {
        end_line(out, start);
    }
    return 0;
}

static void write_control(struct look *look, const struct tree_node *node, struct aq_buffer *out)
{
    char path[256], full[1400];
    tree_path(look, node, path, sizeof path);
    snprintf(full, sizeof full, "%s%s", look->sources->mount, path);
    control_help(node->command, full, out);
}

int content_write(struct look *look, const struct tree_node *node, struct aq_buffer *out, struct aq_error *error)
{
    const struct look_sources *sources = look->sources;
    const struct aq_member *member;
    switch (node->kind) {
    case TREE_README:
        readme_write(sources->mount, out);
        return 0;
    case TREE_LAST_ERROR:
        complaints_show(sources->complaints, look->caller.uid, aq_clock_wall_ms(), out);
        return 0;
    case TREE_SEQ:
        aq_buffer_u64(out, state_seq(look->txn));
        aq_buffer_char(out, '\n');
        return 0;
    case TREE_LEADER:
        write_leader(sources->news, out);
        return 0;
    case TREE_MEMBER_FIELD:
        member = news_member(sources->news, node->key);
        if (member == NULL)
            return aq_fail(error, AQ_E_NOT_FOUND, "there is no member %s", node->key);
        write_field(node->field, member, out);
        return 0;
    case TREE_CONTROL:
        write_control(look, node, out);
        return 0;
    default:
        return write_in_row(look, node, out, error);
    }
}

/* ---- stat --------------------------------------------------------------------------------------------- */

/* For root and whoever owns it; and for others what holders of the role user may do. */
static mode_t mode_of(const struct tree_node *node, bool owned)
{
    mode_t mode = tree_node_shape(node) == TREE_IS_DIRECTORY ? 0500 : 0400;
    if (tree_node_is_control(node))
        mode |= 0200;
    /* A table looks the same to everybody, and who may not list it is refused. */
    const unsigned others = owned ? 0 : node->kind == TREE_TABLE ? 5 : permits_usual_bits(node);
    return mode | others << 3 | others;
}

/* The time of the last change, if the row has one. */
static uint64_t row_time_ms(const struct aq_entity *entity, const void *row)
{
    static const char *const names[] = {"changed_at", "started_at", "created_at"};
    for (size_t i = 0; i < AQ_LENGTH(names); i++) {
        const struct aq_field *field = aq_record_field(entity->record, names[i]);
        if (field != NULL && aq_field_number(field, row) != 0)
            return aq_field_number(field, row);
    }
    return 0;
}

static void set_time(struct stat *stat, uint64_t time_ms)
{
    stat->st_mtim = (struct timespec){(time_t)(time_ms / 1000), (long)(time_ms % 1000) * 1000000};
    stat->st_ctim = stat->st_atim = stat->st_mtim;
}

static bool set_size(struct look *look, const struct tree_node *node, struct stat *stat)
{
    AQ_CLEANUP_BUFFER struct aq_buffer content = {0};
    struct aq_error error = {0};
    bool there = true;
    if (tree_node_shape(node) == TREE_IS_LINK)
        there = tree_link(look, node, &content);
    else if (tree_node_shape(node) == TREE_IS_FILE && node->kind != TREE_EVENTS && !content_is_fetched(node))
        there = content_write(look, node, &content, &error) == 0 || error.code != AQ_E_NOT_FOUND;
    stat->st_size = (off_t)content.length;
    if (node->kind == TREE_EVENTS)
        stat->st_size = (off_t)eventfeed_size(look->sources->feed);
    else if (content_is_fetched(node))
        stat->st_size = (off_t)output_size(look, node);
    stat->st_blocks = (stat->st_size + 511) / 512;
    return there;
}

/* What the present caller may do. For who is neither root nor the owner, only the bits of "group" and "others" can say
 * so. The mode is valid for this request only: what the kernel caches (fs/kernel/names.c) looks the same to everybody.
 */
static void set_caller_modes(struct look *look, const struct tree_node *node, struct stat *stat)
{
    if (look->caller.uid == 0 || node->kind == TREE_ROOT || node->kind == TREE_ERRORS || node->kind == TREE_CLUSTER ||
        node->kind == TREE_TABLE)
        return;
    const mode_t bits = permits_bits(look, node);
    if (look->caller.uid == stat->st_uid)
        stat->st_mode = (stat->st_mode & ~(mode_t)0700) | bits << 6;
    else
        stat->st_mode = (stat->st_mode & ~(mode_t)077) | bits << 3 | bits;
}

static bool group_is_there(struct look *look, const struct tree_node *node)
{
    char name[TREE_KEY_SIZE];
    struct tree_node found;
    const struct tree_node table = tree_node(TREE_TABLE, node->entity, "");
    snprintf(name, sizeof name, "%s", node->key);
    return tree_find(look, &table, name, &found) && tree_node_equal(&found, node);
}

bool content_stat(struct look *look, const struct tree_node *node, struct stat *stat)
{
    const struct look_sources *sources = look->sources;
    uint64_t time_ms = sources->opened_ms;
    const void *row = NULL;
    struct owner owner;
    bool owned = false;
    /* As many bytes as stdio writes at once: a document as a whole. */
    *stat = (struct stat){.st_nlink = 1, .st_blksize = tree_node_is_control(node) ? CONTROL_SIZE_MAX : 4096};
    if (content_is_fetched(node)) { /* it may be open although the resource is gone */
        row = look_row(look, node->entity, node->key);
        owned = output_owner(look, node, &owner);
        if (!owned)
            return false;
    } else if (tree_node_is_row(node)) {
        row = look_row(look, node->entity, node->key);
        if (row == NULL)
            return false;
        owned = look_owner(node->entity, row, &owner);
    } else if ((node->kind == TREE_GROUP && !group_is_there(look, node)) ||
               (node->kind == TREE_RELATED && look_row(look, tree_related_to(node->entity), node->key) == NULL) ||
               (node->kind == TREE_MEMBER && news_member(sources->news, node->key) == NULL)) {
        return false;
    }
    stat->st_mode = mode_of(node, owned);
    if (owned && !(node->kind == TREE_CONTROL && permits_usual_bits(node) == 0))
        stat->st_uid = owner_uid(sources->users, &owner, look->txn, look->arena);
    set_caller_modes(look, node, stat);
    switch (tree_node_shape(node)) {
    case TREE_IS_DIRECTORY:
        stat->st_mode |= S_IFDIR;
        stat->st_nlink = 2;
        break;
    case TREE_IS_LINK:
        stat->st_mode = S_IFLNK | 0777;
        break;
    default:
        stat->st_mode |= S_IFREG;
    }
    if (node->kind == TREE_EVENTS)
        time_ms = eventfeed_time_ms(sources->feed);
    else if (row != NULL)
        time_ms = row_time_ms(node->entity, row);
    else if (node->kind != TREE_README && node->kind != TREE_LAST_ERROR)
        time_ms = state_applied_get(look->txn).time_ms;
    set_time(stat, time_ms != 0 ? time_ms : sources->opened_ms);
    return set_size(look, node, stat);
}

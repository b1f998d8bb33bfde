#include "fs/tree/listings.h"

#include "fs/tree/tree.h"

#include <dirent.h>
#include <limits.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <string.h>

struct listing {
    struct listing *next, **link; /* in `shared`; link is NULL: it is not shared */
    struct tree_node node;
    struct caller caller; /* with its name in `name`, and no role; its grants are not kept, only their number */
    char name[AQ_NAME_MAX + 1];
    struct aq_buffer entries; /* of struct fuse_dirent */
    struct aq_buffer ends;    /* uint32_t: the offset at which each of them ends */
    bool full;
    unsigned openings;
    uint64_t unused_ms; /* when it was closed last */
};

struct listings {
    struct listing *shared;       /* all are of one snapshot */
    struct state_version version; /* of that snapshot */
    size_t kept_bytes;            /* of shared ones that are not open */
};

/* ---- one listing -------------------------------------------------------------------------------------- */

static size_t entry_count(const struct listing *listing)
{
    return listing->ends.length / sizeof(uint32_t);
}

/* The offset at which the first `count` entries end. */
static size_t end_of(const struct listing *listing, size_t count)
{
    uint32_t end = 0;
    if (count > 0)
        memcpy(&end, listing->ends.data + (count - 1) * sizeof end, sizeof end);
    return end;
}

static void add_entry(struct listing *listing, const char *name, uint64_t number, uint32_t type)
{
    char record[FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + NAME_MAX)];
    size_t length = strlen(name), size = FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + length);
    aq_assert(length > 0 && length <= NAME_MAX);
    const struct fuse_dirent head = {
        .ino = number, .off = entry_count(listing) + 1, .namelen = (uint32_t)length, .type = type};
    memset(record + size - sizeof(uint64_t), 0, sizeof(uint64_t)); /* padding after the name */
    memcpy(record, &head, FUSE_NAME_OFFSET);
    memcpy(record + FUSE_NAME_OFFSET, name, length);
    aq_buffer_add(&listing->entries, record, size);
    uint32_t end = (uint32_t)listing->entries.length;
    aq_buffer_add(&listing->ends, &end, sizeof end);
}

/* The number is the one that the node gets when it is looked up, unless another node has the same hash. That is too
 * rare to search for it at each name. */
static bool note_entry(void *context, const char *name, const struct tree_node *node)
{
    static const uint32_t types[] = {[TREE_IS_DIRECTORY] = DT_DIR, [TREE_IS_FILE] = DT_REG, [TREE_IS_LINK] = DT_LNK};
    struct listing *listing = context;
    add_entry(listing, name, tree_node_hash(node), types[tree_node_shape(node)]);
    listing->full = listing_bytes(listing) > LISTING_BYTES_MAX;
    return !listing->full;
}

static void listing_free(struct listing *listing)
{
    aq_buffer_free(&listing->entries);
    aq_buffer_free(&listing->ends);
    free(listing);
}

static struct listing *listing_make(struct look *look, const struct tree_node *node, uint64_t number,
                                    struct aq_error *error)
{
    struct listing *listing = aq_calloc(1, sizeof *listing);
    listing->node = *node;
    listing->caller = look->caller;
    snprintf(listing->name, sizeof listing->name, "%s", look->caller.as.name);
    listing->caller.as.name = listing->name;
    listing->caller.as.role = "";
    listing->caller.as.grants = NULL; /* a user has the same ones in the whole snapshot */
    add_entry(listing, ".", number, DT_DIR);
    add_entry(listing, "..", number, DT_DIR);
    tree_list(look, node, note_entry, listing);
    bool failed = state_failed(look->txn, error);
    if (!failed && listing->full)
        (void)aq_fail(error, AQ_E_LIMIT, "too many entries to list: open them by name, or use REST, which has pages");
    if (!failed && !listing->full)
        return listing;
    listing_free(listing);
    return NULL;
}

size_t listing_bytes(const struct listing *listing)
{
    return sizeof *listing + listing->entries.length + listing->ends.length;
}

void listing_read(const struct listing *listing, uint64_t place, size_t size, const char **data, size_t *length)
{
    size_t first = place < entry_count(listing) ? (size_t)place : entry_count(listing), behind = entry_count(listing);
    size_t start = end_of(listing, first);
    for (size_t least = first; least < behind;) { /* bisection: the entries up to `least` fit */
        size_t middle = least + (behind - least + 1) / 2;
        if (end_of(listing, middle) - start <= size)
            least = middle;
        else
            behind = middle - 1;
    }
    *data = listing->entries.data + start;
    *length = end_of(listing, behind) - start;
}

/* ---- those that are shared ---------------------------------------------------------------------------- */

struct listings *listings_open(void)
{
    return aq_calloc(1, sizeof(struct listings));
}

/* No later open finds it; descriptors that have it open keep it. */
static void unshare(struct listings *listings, struct listing *listing)
{
    *listing->link = listing->next;
    if (listing->next != NULL)
        listing->next->link = listing->link;
    listing->link = NULL;
    if (listing->openings > 0)
        return;
    listings->kept_bytes -= listing_bytes(listing);
    listing_free(listing);
}

static void share(struct listings *listings, struct listing *listing)
{
    listing->next = listings->shared;
    listing->link = &listings->shared;
    if (listing->next != NULL)
        listing->next->link = &listing->next;
    listings->shared = listing;
}

void listings_close(struct listings *listings)
{
    if (listings == NULL)
        return;
    while (listings->shared != NULL)
        unshare(listings, listings->shared);
    free(listings);
}

static bool same_caller(const struct caller *a, const struct caller *b)
{
    return a->known == b->known && a->as.number == b->as.number && a->as.grant_count == b->as.grant_count &&
           strcmp(a->as.name, b->as.name) == 0 && memcmp(&a->as.rights, &b->as.rights, sizeof a->as.rights) == 0;
}

static struct listing *find_shared(struct listings *listings, const struct look *look, const struct tree_node *node)
{
    struct state_version version = state_version(look->txn);
    if (version.generation != listings->version.generation || version.change != listings->version.change)
        while (listings->shared != NULL)
            unshare(listings, listings->shared);
    listings->version = version;
    for (struct listing *listing = listings->shared; listing != NULL; listing = listing->next)
        if (tree_node_equal(&listing->node, node) && same_caller(&listing->caller, &look->caller))
            return listing;
    return NULL;
}

struct listing *listings_take(struct listings *listings, struct look *look, const struct tree_node *node,
                              uint64_t number, struct aq_error *error)
{
    bool shared = node->kind == TREE_TABLE || node->kind == TREE_RELATED;
    struct listing *listing = shared ? find_shared(listings, look, node) : NULL;
    if (listing != NULL) {
        if (listing->openings++ == 0)
            listings->kept_bytes -= listing_bytes(listing);
        return listing;
    }
    listing = listing_make(look, node, number, error);
    if (listing == NULL)
        return NULL;
    listing->openings = 1;
    if (shared)
        share(listings, listing);
    return listing;
}

void listings_give_back(struct listings *listings, struct listing *listing, uint64_t now_ms)
{
    aq_assert(listing->openings > 0);
    if (--listing->openings > 0)
        return;
    if (listing->link == NULL) {
        listing_free(listing);
        return;
    }
    listing->unused_ms = now_ms;
    listings->kept_bytes += listing_bytes(listing);
    if (listings->kept_bytes > LISTINGS_KEPT_BYTES_MAX)
        unshare(listings, listing);
}

void listings_work(struct listings *listings, uint64_t now_ms)
{
    for (struct listing *listing = listings->shared, *next; listing != NULL; listing = next) {
        next = listing->next;
        if (listing->openings == 0 && now_ms >= listing->unused_ms + LISTINGS_KEPT_MS)
            unshare(listings, listing);
    }
}

size_t listings_kept(const struct listings *listings)
{
    return listings->kept_bytes;
}

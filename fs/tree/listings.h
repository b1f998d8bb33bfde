/* Listings: the entries of a directory in the format that the kernel takes. A listing is fixed when its directory is
 * opened.
 *
 * The listing of a table, or of what belongs to a project, can be long, and depends only on the snapshot and the
 * caller. It is therefore made once for each snapshot and kind of caller, and shared. When nobody has it open any more
 * it is kept for a moment, unless it is large. Each open compares the snapshot, so that it never gets a listing of an
 * older one. */
#ifndef AQ_FS_TREE_LISTINGS_H
#define AQ_FS_TREE_LISTINGS_H

#include "fs/tree/look.h"

struct listing;
struct listings;

enum {
    LISTING_BYTES_MAX = 128 << 20,     /* some millions of names */
    LISTINGS_KEPT_BYTES_MAX = 2 << 20, /* of all that are not open */
    LISTINGS_KEPT_MS = 2000,
};

struct listings *listings_open(void);
void listings_close(struct listings *listings); /* NULL is fine; all listings must have been given back */

/* The listing of the directory `node` for the caller; `number` is its inode number. NULL: the tables cannot be read, or
 * there are too many entries. */
struct listing *listings_take(struct listings *listings, struct look *look, const struct tree_node *node,
                              uint64_t number, struct aq_error *error) AQ_MUST_CHECK;
void listings_give_back(struct listings *listings, struct listing *listing, uint64_t now_ms);

/* Frees listings that were kept long enough. Call it from time to time. */
void listings_work(struct listings *listings, uint64_t now_ms);

size_t listings_kept(const struct listings *listings); /* bytes of those that are not open */

size_t listing_bytes(const struct listing *listing);

/* As many whole entries from `place` on as fit into `size` bytes. The first place is 0; each entry holds the next one.
 */
void listing_read(const struct listing *listing, uint64_t place, size_t size, const char **data, size_t *length);

#endif

/* What directories hold, in the form in which the kernel takes it. A listing is fixed when its directory is opened.
 *
 * That of a table can be long, and only follows from the tables and from who asks: it is made once for each snapshot,
 * and shared by all who open it meanwhile. When the last has closed it, it is kept for a moment, unless it is large.
 * Each opening looks at the tables anyway, so that nobody gets one of an older snapshot. */
#ifndef AQ_FS_TREE_LISTINGS_H
#define AQ_FS_TREE_LISTINGS_H

#include "fs/tree/look.h"

struct listing;
struct listings;

enum {
    LISTING_BYTES_MAX = 128 << 20,     /* some millions of names */
    LISTINGS_KEPT_BYTES_MAX = 2 << 20, /* of all that nobody has open */
    LISTINGS_KEPT_MS = 2000,
};

struct listings *listings_open(void);
void listings_close(struct listings *listings); /* NULL is fine; all must have been given back */

/* What the directory `node`, whose number is `number`, holds for the caller. NULL: the tables cannot be read, or there
 * is too much. */
struct listing *listings_take(struct listings *listings, struct look *look, const struct tree_node *node,
                              uint64_t number, struct aq_error *error) AQ_MUST_CHECK;
void listings_give_back(struct listings *listings, struct listing *listing, uint64_t now_ms);

/* To be called from time to time: frees what nobody has asked for again. */
void listings_work(struct listings *listings, uint64_t now_ms);

size_t listings_kept(const struct listings *listings); /* bytes that nobody has open */

size_t listing_bytes(const struct listing *listing);

/* As many whole entries from `place` on (0: the first; then what the last entry read says) as fit into `size`. */
void listing_read(const struct listing *listing, uint64_t place, size_t size, const char **data, size_t *length);

#endif

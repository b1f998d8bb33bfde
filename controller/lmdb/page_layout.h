/* The file layout of LMDB 0.9 (data version 1), for code that reads the file without LMDB, which trusts what it reads.
 * The comments give LMDB's names in mdb.c. Used by pages.c and controller/log/leaves.c. */
#ifndef AQ_CONTROLLER_LMDB_PAGE_LAYOUT_H
#define AQ_CONTROLLER_LMDB_PAGE_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

_Static_assert(sizeof(size_t) == 8 && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "LMDB's files have the byte order and word size of the machine");

enum {
    PAGE_BRANCH = 0x01, /* P_BRANCH and so on */
    PAGE_LEAF = 0x02,
    PAGE_OVERFLOW = 0x04,
    PAGE_META = 0x08,
    NODE_BIG = 0x01,      /* F_BIGDATA: the row is on pages of its own */
    NODE_TABLE = 0x02,    /* F_SUBDATA: the row is a table */
    TABLE_NUMBERS = 0x08, /* MDB_INTEGERKEY, only of the list of free pages */
    HEAD_SIZE = 16,
    NODE_SIZE = 8,
    PAGE_LEAST = 512,
    PAGE_MOST = 32768,
};

struct page_head { /* MDB_page */
    uint64_t number;
    uint16_t pad, flags;
    uint16_t lower, upper; /* on an overflow page, both together are the count of pages */
};

struct node { /* MDB_node */
    uint16_t low, high, flags, key_size;
};

struct table { /* MDB_db */
    uint32_t pad;
    uint16_t flags, depth;
    uint64_t branches, leaves, overflows, entries, root;
};

struct meta { /* MDB_meta */
    uint32_t magic, version;
    uint64_t address, map_size;
    struct table free, main;
    uint64_t last, txn;
};

_Static_assert(sizeof(struct page_head) == HEAD_SIZE && sizeof(struct node) == NODE_SIZE, "as in mdb.c");
_Static_assert(sizeof(struct table) == 48 && sizeof(struct meta) == 136, "as in mdb.c");

static inline uint32_t node_row_size(const struct node *node)
{
    return node->low | (uint32_t)node->high << 16;
}

#endif

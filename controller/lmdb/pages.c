#include "controller/lmdb/pages.h"

#include "controller/lmdb/address.h"
#include "controller/lmdb/file.h"
#include "controller/lmdb/page_layout.h"
#include "schema/base/files.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY_MOST = 511, DEPTH_MOST = 32, METAS = 2, DATA_VERSION = 1, PATH_SIZE = 1300 };
#define META_MAGIC UINT32_C(0xBEEFC0DE)
#define NO_PAGE    UINT64_MAX
#define MAP_MOST   (UINT64_C(1) << 47) /* address space of a process */

struct file {
    int fd;
    char path[PATH_SIZE];
    struct aq_error *error;
    uint32_t page_size;
    uint64_t pages;      /* length of the file */
    uint64_t last;       /* number of the last page according to LMDB */
    uint64_t highest;    /* page seen so far */
    unsigned char *seen; /* a bit for each page of the file */
    uint64_t reads;      /* how many more leaf pages may be read */
    bool partly;         /* some were skipped */
};

enum kind { TABLE_OF_ROWS, TABLE_OF_TABLES, TABLE_OF_FREE_PAGES };

/* A walk through one table in the order of its keys. */
struct walk {
    struct file *file;
    enum kind kind;
    const struct table *table;
    struct table found; /* counted so far */
    uint64_t skipped;   /* how many of its first leaves are not read */
    bool begun;         /* `before` holds the previous key */
    bool may_equal;     /* `before` is a branch's key: the next key may be equal to it */
    size_t before_size;
    unsigned char before[KEY_MOST];
};

/* A page in memory. */
struct page {
    uint64_t number;
    struct page_head head;
    const unsigned char *bytes;
    unsigned count;
    unsigned used; /* bytes of the nodes seen so far */
};

static int damaged(const struct file *file, uint64_t page, unsigned at, const char *format, ...) AQ_PRINTF(4, 5);
static int damaged(const struct file *file, uint64_t page, unsigned at, const char *format, ...)
{
    char what[160];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    return aq_fail(file->error, AQ_E_CORRUPT, "%s" LMDB_IS_DAMAGED "page %" PRIu64 ", byte %" PRIu64 ": %s", file->path,
                   page, page * file->page_size + at, what);
}

/* ---- bytes ------------------------------------------------------------------------------------------------ */

static int read_at(const struct file *file, uint64_t page, uint64_t at, void *out, size_t size)
{
    ssize_t got = pread(file->fd, out, size, (off_t)(page * file->page_size + at));
    if (got == (ssize_t)size)
        return 0;
    if (got < 0)
        return aq_fail_errno(file->error, errno, "cannot read page %" PRIu64 " of %s", page, file->path);
    return damaged(file, page, (unsigned)at, "the file ends before it");
}

/* Notes that the page is in use or free. Each page is one of them, once. Free pages at the end of the file may never
 * have been written. */
static int claim(struct file *file, uint64_t page, uint64_t from, unsigned at, bool in_use)
{
    if (page < METAS || page > file->last)
        return damaged(file, from, at, "refers to page %" PRIu64 ", but the pages are %d to %" PRIu64, page, METAS,
                       file->last);
    if (page > file->highest)
        file->highest = page;
    if (page >= file->pages)
        return in_use ? damaged(file, from, at, "refers to page %" PRIu64 ", beyond the end of the file", page) : 0;
    unsigned char bit = (unsigned char)(1u << page % 8);
    if (file->seen[page / 8] & bit)
        return damaged(file, from, at, "refers to page %" PRIu64 ", which is referred to elsewhere too", page);
    file->seen[page / 8] |= bit;
    return 0;
}

/* ---- keys ------------------------------------------------------------------------------------------------- */

static bool in_order(const struct walk *walk, const unsigned char *key, size_t size)
{
    int order;
    if (walk->kind == TABLE_OF_FREE_PAGES) {
        uint64_t before, number;
        memcpy(&before, walk->before, sizeof before);
        memcpy(&number, key, sizeof number);
        order = before < number ? -1 : before > number;
    } else {
        size_t both = size < walk->before_size ? size : walk->before_size;
        order = memcmp(walk->before, key, both);
        if (order == 0)
            order = walk->before_size < size ? -1 : walk->before_size > size;
    }
    return order < 0 || (order == 0 && walk->may_equal);
}

/* Checks that the node's key follows the previous one. */
static int check_key(struct walk *walk, const struct page *page, unsigned at, const struct node *node, bool of_branch)
{
    const unsigned char *key = page->bytes + at + NODE_SIZE;
    if (node->key_size == 0 || (walk->kind == TABLE_OF_FREE_PAGES && node->key_size != sizeof(uint64_t)))
        return damaged(walk->file, page->number, at, "a key of %u bytes", node->key_size);
    if (walk->begun && !in_order(walk, key, node->key_size))
        return damaged(walk->file, page->number, at, "a key out of order");
    memcpy(walk->before, key, node->key_size);
    walk->before_size = node->key_size;
    walk->begun = true;
    walk->may_equal = of_branch;
    return 0;
}

/* ---- nodes ------------------------------------------------------------------------------------------------ */

/* Returns where node `i` of a page begins, or 0 after a failure: no node begins there. */
static unsigned node_at(const struct file *file, struct page *page, unsigned i, struct node *node)
{
    uint16_t at;
    memcpy(&at, page->bytes + HEAD_SIZE + i * sizeof at, sizeof at);
    bool inside = at >= page->head.upper && at % 2 == 0 && at + (unsigned)NODE_SIZE <= file->page_size;
    if (inside)
        memcpy(node, page->bytes + at, sizeof *node);
    if (inside && node->key_size <= KEY_MOST) {
        unsigned row = page->head.flags == PAGE_BRANCH ? 0
                       : node->flags & NODE_BIG        ? sizeof(uint64_t)
                       : node->high != 0               ? file->page_size
                                                       : node->low;
        unsigned size = NODE_SIZE + node->key_size + row;
        page->used += size + size % 2;
        if (at + size <= file->page_size)
            return at;
    }
    (void)damaged(file, page->number, HEAD_SIZE + i * (unsigned)sizeof at, "node %u at %u does not fit the page", i,
                  at);
    return 0;
}

/* Checks the pages of a large row, from `first` on. */
static int check_overflow(struct walk *walk, const struct page *page, unsigned at, uint64_t first, uint32_t size)
{
    struct file *file = walk->file;
    struct page_head head;
    if (claim(file, first, page->number, at, true) != 0 || read_at(file, first, 0, &head, sizeof head) != 0)
        return -1;
    uint32_t pages = head.lower | (uint32_t)head.upper << 16;
    if (head.number != first || head.flags != PAGE_OVERFLOW)
        return damaged(file, first, 0, "not a page of a large row (number %" PRIu64 ", flags %#x)", head.number,
                       head.flags);
    if ((uint64_t)pages * file->page_size < (uint64_t)size + HEAD_SIZE || pages > file->last)
        return damaged(file, first, 12, "%" PRIu32 " pages for %" PRIu32 " bytes", pages, size);
    for (uint32_t i = 1; i < pages; i++)
        if (claim(file, first + i, first, 12, true) != 0)
            return -1;
    walk->found.overflows += pages;
    return 0;
}

/* Checks a row of the list of free pages: their count, then their numbers, the highest first. */
static int check_free(struct walk *walk, const struct page *page, unsigned at, uint64_t from, uint64_t in_page,
                      uint32_t size)
{
    enum { CHUNK = 512 };
    uint64_t numbers[CHUNK], count = 0, before = NO_PAGE;
    if (size >= sizeof count && read_at(walk->file, from, in_page, &count, sizeof count) != 0)
        return -1;
    if (size < sizeof count || count > size / sizeof count - 1)
        return damaged(walk->file, page->number, at, "%" PRIu64 " free pages in %" PRIu32 " bytes", count, size);
    for (uint64_t done = 0; done < count;) {
        size_t some = count - done < CHUNK ? (size_t)(count - done) : CHUNK;
        if (read_at(walk->file, from, in_page + (1 + done) * sizeof count, numbers, some * sizeof count) != 0)
            return -1;
        for (size_t i = 0; i < some; before = numbers[i++])
            if (claim(walk->file, numbers[i], page->number, at, false) != 0)
                return -1;
            else if (numbers[i] >= before)
                return damaged(walk->file, page->number, at, "free pages out of order");
        done += some;
    }
    return 0;
}

static int walk_table(struct file *file, enum kind kind, const struct table *table, uint64_t from, unsigned at);

static int check_leaf_node(struct walk *walk, const struct page *page, unsigned at, const struct node *node)
{
    struct file *file = walk->file;
    const unsigned char *row = page->bytes + at + NODE_SIZE + node->key_size;
    uint32_t size = node_row_size(node);
    if (check_key(walk, page, at, node, false) != 0)
        return -1;
    walk->found.entries++;
    if (walk->kind == TABLE_OF_TABLES) {
        struct table table;
        if (node->flags != NODE_TABLE || size != sizeof table)
            return damaged(file, page->number, at, "not a table (flags %#x)", node->flags);
        memcpy(&table, row, sizeof table);
        return walk_table(file, TABLE_OF_ROWS, &table, page->number, at);
    }
    if (node->flags & ~NODE_BIG)
        return damaged(file, page->number, at, "a row with flags %#x", node->flags);
    uint64_t from = page->number, in_page = (uint64_t)(row - page->bytes);
    if (node->flags & NODE_BIG) {
        memcpy(&from, row, sizeof from);
        in_page = HEAD_SIZE;
        if (check_overflow(walk, page, at, from, size) != 0)
            return -1;
    }
    return walk->kind == TABLE_OF_FREE_PAGES ? check_free(walk, page, at, from, in_page, size) : 0;
}

/* ---- pages ------------------------------------------------------------------------------------------------ */

static int walk_page(struct walk *walk, uint64_t number, unsigned level);

static int check_branch_node(struct walk *walk, const struct page *page, unsigned at, const struct node *node,
                             bool first, unsigned level)
{
    uint64_t child = node_row_size(node) | (uint64_t)node->flags << 32;
    if (!first && check_key(walk, page, at, node, true) != 0) /* the first key of a branch is not used */
        return -1;
    if (claim(walk->file, child, page->number, at, true) != 0)
        return -1;
    if (level + 2u == walk->table->depth && walk->found.leaves < walk->skipped) {
        walk->found.leaves++;
        return 0;
    }
    return walk_page(walk, child, level + 1);
}

static int check_head(const struct walk *walk, struct page *page, unsigned level)
{
    const struct file *file = walk->file;
    unsigned flags = level + 1 < walk->table->depth ? PAGE_BRANCH : PAGE_LEAF;
    memcpy(&page->head, page->bytes, sizeof page->head);
    if (page->head.number != page->number)
        return damaged(file, page->number, 0, "has the page number %" PRIu64, page->head.number);
    if (page->head.flags != flags)
        return damaged(file, page->number, 10, "has flags %#x instead of %#x", page->head.flags, flags);
    if (page->head.lower < HEAD_SIZE || page->head.lower % 2 != 0 || page->head.lower > page->head.upper ||
        page->head.upper > file->page_size)
        return damaged(file, page->number, 12, "has free space from %u to %u", page->head.lower, page->head.upper);
    page->count = (page->head.lower - HEAD_SIZE) / 2u;
    unsigned least = flags == PAGE_BRANCH && walk->kind != TABLE_OF_FREE_PAGES ? 2 : 1;
    if (page->count < least)
        return damaged(file, page->number, 12, "has %u nodes", page->count);
    return 0;
}

static int walk_nodes(struct walk *walk, struct page *page, unsigned level)
{
    bool branch = page->head.flags == PAGE_BRANCH;
    for (unsigned i = 0; i < page->count; i++) {
        struct node node;
        unsigned at = node_at(walk->file, page, i, &node);
        if (at == 0 || (branch ? check_branch_node(walk, page, at, &node, i == 0, level)
                               : check_leaf_node(walk, page, at, &node)) != 0)
            return -1;
    }
    if (page->used != walk->file->page_size - page->head.upper)
        return damaged(walk->file, page->number, 14, "its nodes take %u bytes, but its free space ends at %u",
                       page->used, page->head.upper);
    *(branch ? &walk->found.branches : &walk->found.leaves) += 1;
    return 0;
}

static int walk_page(struct walk *walk, uint64_t number, unsigned level)
{
    AQ_CLEANUP_MEMORY unsigned char *bytes = aq_malloc(walk->file->page_size);
    struct page page = {.number = number, .bytes = bytes};
    if (read_at(walk->file, number, 0, bytes, walk->file->page_size) != 0 || check_head(walk, &page, level) != 0)
        return -1;
    return walk_nodes(walk, &page, level);
}

/* How many leaves to skip to stay within file->reads. Each large row costs a read of its own. */
static uint64_t leaves_to_skip(struct file *file, enum kind kind, const struct table *table)
{
    uint64_t large = table->entries < table->overflows ? table->entries : table->overflows;
    uint64_t cost = table->leaves + large;
    if (kind != TABLE_OF_ROWS)
        return 0;
    if (cost <= file->reads) {
        file->reads -= cost;
        return 0;
    }
    uint64_t read = table->leaves * file->reads / cost;
    file->reads = 0;
    file->partly = true;
    return table->leaves - read;
}

/* `from`, `at`: the page and the byte in it that describe the table. */
static int walk_table(struct file *file, enum kind kind, const struct table *table, uint64_t from, unsigned at)
{
    struct walk walk = {.file = file, .kind = kind, .table = table};
    const struct table *found = &walk.found;
    if (table->flags != (kind == TABLE_OF_FREE_PAGES ? TABLE_NUMBERS : 0) || table->depth > DEPTH_MOST ||
        (table->depth == 0) != (table->root == NO_PAGE) || table->leaves > file->last || table->overflows > file->last)
        return damaged(file, from, at, "a table with flags %#x, depth %u and root page %" PRIu64, table->flags,
                       table->depth, table->root);
    walk.skipped = leaves_to_skip(file, kind, table);
    if (table->depth > 0 && (claim(file, table->root, from, at, true) != 0 || walk_page(&walk, table->root, 0) != 0))
        return -1;
    bool all = walk.skipped == 0;
    if (found->branches != table->branches || found->leaves != table->leaves ||
        (all && (found->overflows != table->overflows || found->entries != table->entries)))
        return damaged(file, from, at,
                       "a table of %" PRIu64 " rows on %" PRIu64 " pages has %" PRIu64 " rows on %" PRIu64 " pages",
                       table->entries, table->branches + table->leaves + table->overflows, found->entries,
                       found->branches + found->leaves + found->overflows);
    return 0;
}

/* ---- the file --------------------------------------------------------------------------------------------- */

static int read_meta(struct file *file, unsigned i, struct meta *meta)
{
    struct page_head head;
    if (read_at(file, i, 0, &head, sizeof head) != 0 || read_at(file, i, HEAD_SIZE, meta, sizeof *meta) != 0)
        return -1;
    if (head.number != i || head.flags != PAGE_META || meta->magic != META_MAGIC || meta->version != DATA_VERSION)
        return damaged(file, i, 0,
                       "not a meta page of LMDB (number %" PRIu64 ", flags %#x, magic %#" PRIx32 ", version %" PRIu32
                       ")",
                       head.number, head.flags, meta->magic, meta->version);
    if (meta->free.pad < PAGE_LEAST || meta->free.pad > PAGE_MOST || (meta->free.pad & (meta->free.pad - 1)) != 0 ||
        (i > 0 && meta->free.pad != file->page_size))
        return damaged(file, i, HEAD_SIZE + 24, "a page size of %" PRIu32, meta->free.pad);
    file->page_size = meta->free.pad;
    return 0;
}

/* Returns the number of the newer meta page, or -1. Each transaction writes the older of the two, so they belong to two
 * successive transactions. */
static int pick_meta(struct file *file, struct meta *meta)
{
    enum { TXN_AT = HEAD_SIZE + 128 };
    struct meta metas[METAS];
    for (unsigned i = 0; i < METAS; i++)
        if (read_meta(file, i, &metas[i]) != 0)
            return -1;
    unsigned newer = metas[0].txn < metas[1].txn;
    *meta = metas[newer];
    if (meta->txn != 0 && (meta->txn % METAS != newer || metas[!newer].txn != meta->txn - 1))
        return damaged(file, newer, TXN_AT, "transaction %" PRIu64 " next to %" PRIu64, meta->txn, metas[!newer].txn);
    if (meta->last < METAS - 1 || meta->map_size > MAP_MOST || meta->last >= meta->map_size / file->page_size)
        return damaged(file, newer, HEAD_SIZE + 120, "%" PRIu64 " pages in a map of %" PRIu64 " bytes", meta->last + 1,
                       meta->map_size);
    file->last = meta->last;
    file->highest = METAS - 1;
    return (int)newer;
}

static int check_file(struct file *file)
{
    struct meta meta;
    struct stat status_of;
    file->page_size = PAGE_LEAST; /* until the first page tells the size */
    int from = pick_meta(file, &meta);
    if (from < 0)
        return -1;
    if (fstat(file->fd, &status_of) != 0) /* after the meta pages: the file may grow */
        return aq_fail_errno(file->error, errno, "cannot stat %s", file->path);
    file->pages = (uint64_t)status_of.st_size / file->page_size;
    file->seen = aq_calloc(file->pages / 8 + 1, 1);
    int status = walk_table(file, TABLE_OF_FREE_PAGES, &meta.free, (uint64_t)from, HEAD_SIZE + 24);
    if (status == 0)
        status = walk_table(file, TABLE_OF_TABLES, &meta.main, (uint64_t)from, HEAD_SIZE + 72);
    free(file->seen);
    if (status == 0 && file->highest != file->last && !file->partly)
        return damaged(file, (uint64_t)from, HEAD_SIZE + 120, "the last page should be %" PRIu64 ", but is %" PRIu64,
                       file->last, file->highest);
    return status;
}

int lmdb_pages_check(const char *directory, uint64_t reads, struct aq_error *error)
{
    struct stat status;
    struct file file = {.error = error, .reads = reads};
    snprintf(file.path, sizeof file.path, "%s/" LMDB_DATA_FILE, directory);
    file.fd = open(file.path, O_RDONLY | O_CLOEXEC);
    if (file.fd < 0)
        return errno == ENOENT ? 0 : aq_fail_errno(error, errno, "cannot open %s", file.path);
    (void)posix_fadvise(file.fd, 0, 0, POSIX_FADV_SEQUENTIAL); /* nearly: lets the disk read ahead */
    int failed = 0;
    if (fstat(file.fd, &status) != 0 || status.st_size > 0)
        failed = check_file(&file);
    close(file.fd);
    return failed;
}

#include "controller/log/leaves.h"

#include "controller/lmdb/file.h"
#include "controller/lmdb/page_layout.h"
#include "schema/base/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <raft.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    KEY_SIZE = sizeof(uint64_t),
    ROW_LEAST = sizeof(uint16_t) + NODE_SIZE + KEY_SIZE + LOG_HEAD_PLAIN_SIZE, /* bytes of a leaf that an entry takes */
    ROW_MOST = 256 << 20, /* more than an entry can be: log.batch_bytes and one command */
};

/* A page with all entries from `first` to `last`. A page with several such ranges has several of these. */
struct leaf {
    uint64_t first, last, page;
    bool intact; /* false: one entry that is not */
};

struct leaves {
    int fd;
    uint32_t page_size;
    uint64_t pages, last;
    struct leaf *all; /* sorted by `first` */
    size_t count, room;
    unsigned char *payload; /* a bit for each page that holds only bytes of a large entry, whatever they look like */
    uint64_t number;        /* of the page in `bytes` */
    unsigned char bytes[PAGE_MOST];
    struct aq_buffer large; /* the large row read last */
};

/* A row on a page with a key that an entry can have. */
struct row {
    uint64_t index, page;
    const unsigned char *bytes; /* of the row, or the number of its first page */
    uint32_t size;
    bool big;
};

typedef void row_fn(struct leaves *leaves, const struct row *row, void *context);

/* ---- pages ---------------------------------------------------------------------------------------------------- */

/* The size is in either meta page; if both are damaged, it is what LMDB would use on this machine. */
static void read_page_size(struct leaves *leaves)
{
    struct meta meta;
    leaves->page_size = (uint32_t)sysconf(_SC_PAGESIZE);
    for (uint64_t i = 0; i < 2; i++) {
        bool got = pread(leaves->fd, &meta, sizeof meta, (off_t)(i * leaves->page_size + HEAD_SIZE)) == sizeof meta;
        uint32_t size = meta.free.pad;
        if (got && size >= PAGE_LEAST && size <= PAGE_MOST && (size & (size - 1)) == 0) {
            leaves->page_size = size;
            return;
        }
    }
}

static bool is_payload(const struct leaves *leaves, uint64_t page)
{
    return leaves->payload[page / 8] & 1u << page % 8;
}

/* Returns whether the page may be a leaf. One flipped bit cannot damage both its number and its flags. */
static bool load_page(struct leaves *leaves, uint64_t number)
{
    struct page_head head;
    if (is_payload(leaves, number))
        return false;
    if (leaves->number != number && pread(leaves->fd, leaves->bytes, leaves->page_size,
                                          (off_t)(number * leaves->page_size)) != (ssize_t)leaves->page_size) {
        leaves->number = UINT64_MAX;
        return false;
    }
    leaves->number = number;
    memcpy(&head, leaves->bytes, sizeof head);
    return head.number == number || head.flags == PAGE_LEAF;
}

/* False: the row is not an entry, but one of the table "seqs" of older versions, for example. */
static bool read_row(const struct leaves *leaves, unsigned at, struct row *row)
{
    struct node node;
    struct aq_error ignored;
    if (at + NODE_SIZE + KEY_SIZE > leaves->page_size)
        return false;
    memcpy(&node, leaves->bytes + at, sizeof node);
    row->page = leaves->number;
    row->bytes = leaves->bytes + at + NODE_SIZE + KEY_SIZE;
    row->size = node_row_size(&node);
    row->big = node.flags == NODE_BIG;
    size_t here = row->big ? sizeof(uint64_t) : row->size;
    return node.key_size == KEY_SIZE && (row->big || node.flags == 0) && row->size >= LOG_HEAD_PLAIN_SIZE &&
           here <= leaves->page_size - (at + NODE_SIZE + KEY_SIZE) &&
           log_number_read(leaves->bytes + at + NODE_SIZE, KEY_SIZE, &row->index, &ignored) == 0 && row->index > 0 &&
           row->index <= leaves->pages * leaves->page_size / ROW_LEAST;
}

/* A page begins with the offsets of its rows and ends with the rows: the offsets end where the first row begins. */
static void each_row(struct leaves *leaves, uint64_t number, row_fn *visit, void *context)
{
    if (!load_page(leaves, number))
        return;
    unsigned end = leaves->page_size;
    for (unsigned offset = HEAD_SIZE; offset + sizeof(uint16_t) <= end; offset += sizeof(uint16_t)) {
        uint16_t at;
        struct row row;
        memcpy(&at, leaves->bytes + offset, sizeof at);
        if (at < offset + sizeof at || !read_row(leaves, at, &row))
            continue;
        if (at < end)
            end = at;
        visit(leaves, &row, context);
    }
}

/* Fails when the entry is damaged. */
static int open_row(struct leaves *leaves, const struct row *row, struct log_head *head, const void **payload,
                    struct aq_error *error)
{
    const void *bytes = row->bytes;
    uint64_t page;
    if (row->big) {
        memcpy(&page, row->bytes, sizeof page);
        if (page >= leaves->pages || row->size > ROW_MOST)
            return aq_fail(error, AQ_E_CORRUPT, "log entry %" PRIu64 " should be on page %" PRIu64, row->index, page);
        aq_buffer_reset(&leaves->large);
        aq_buffer_room(&leaves->large, row->size);
        ssize_t got = pread(leaves->fd, leaves->large.data, row->size, (off_t)(page * leaves->page_size + HEAD_SIZE));
        if (got < 0)
            return aq_fail_errno(error, errno, "log entry %" PRIu64 ": cannot read page %" PRIu64, row->index, page);
        if (got != (ssize_t)row->size)
            return aq_fail(error, AQ_E_CORRUPT, "log entry %" PRIu64 ": the file ends before it", row->index);
        bytes = leaves->large.data;
    }
    if (log_row_read(row->index, bytes, row->size, head, payload, error) != 0)
        return -1;
    if (head->type < RAFT_COMMAND || head->type > RAFT_CHANGE) /* entries without a checksum need one more check */
        return aq_fail(error, AQ_E_CORRUPT, "log entry %" PRIu64 " is of type %" PRIu32, row->index, head->type);
    return 0;
}

/* ---- which page holds which entries ----------------------------------------------------------------------------- */

static void add_leaf(struct leaves *leaves, const struct leaf *leaf)
{
    AQ_GROW(leaves->all, leaves->count, leaves->room);
    leaves->all[leaves->count++] = *leaf;
}

/* Bytes that a user stored in the cluster must not be taken for a leaf of the log. */
static void note_payload(struct leaves *leaves, const struct row *row)
{
    uint64_t page;
    memcpy(&page, row->bytes, sizeof page);
    uint64_t end = page + (HEAD_SIZE + row->size + leaves->page_size - 1) / leaves->page_size;
    for (; page < end && page < leaves->pages; page++)
        leaves->payload[page / 8] |= (unsigned char)(1u << page % 8);
}

/* A damaged row is noted by itself, for its number may be what is damaged. */
static void note_row(struct leaves *leaves, const struct row *row, void *context)
{
    struct leaf *leaf = context;
    struct log_head head;
    const void *payload;
    struct aq_error ignored = {0};
    if (open_row(leaves, row, &head, &payload, &ignored) != 0) {
        add_leaf(leaves, &(struct leaf){row->index, row->index, row->page, false});
        return;
    }
    if (row->big)
        note_payload(leaves, row);
    if (leaf->first != 0 && row->index != leaf->last + 1) { /* a row that no offset leads to any more */
        add_leaf(leaves, leaf);
        leaf->first = 0;
    }
    if (leaf->first == 0)
        leaf->first = row->index;
    leaf->last = row->index;
}

static int by_first(const void *a, const void *b)
{
    const struct leaf *left = a, *right = b;
    return left->first < right->first ? -1 : left->first > right->first;
}

static void scan_pages(struct leaves *leaves)
{
    for (uint64_t page = 0; page < leaves->pages; page++) {
        struct leaf leaf = {.page = page, .intact = true};
        each_row(leaves, page, note_row, &leaf);
        if (leaf.first != 0)
            add_leaf(leaves, &leaf);
    }
    if (leaves->count > 0)
        qsort(leaves->all, leaves->count, sizeof *leaves->all, by_first);
    for (size_t i = 0; i < leaves->count; i++) {
        const struct leaf *leaf = &leaves->all[i];
        if (leaf->intact && leaf->last > leaves->last && !is_payload(leaves, leaf->page))
            leaves->last = leaf->last;
    }
}

int leaves_open(struct leaves **out, const char *directory, struct aq_error *error)
{
    char path[1300];
    struct stat status;
    snprintf(path, sizeof path, "%s/" LMDB_DATA_FILE, directory);
    struct leaves *leaves = aq_calloc(1, sizeof *leaves);
    leaves->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (leaves->fd < 0 || fstat(leaves->fd, &status) != 0) {
        (void)aq_fail_errno(error, errno, "cannot open %s", path);
        leaves_close(leaves);
        return -1;
    }
    leaves->number = UINT64_MAX;
    read_page_size(leaves);
    leaves->pages = (uint64_t)status.st_size / leaves->page_size;
    leaves->payload = aq_calloc(leaves->pages / 8 + 1, 1);
    scan_pages(leaves);
    *out = leaves;
    return 0;
}

void leaves_close(struct leaves *leaves)
{
    if (leaves == NULL)
        return;
    if (leaves->fd >= 0)
        close(leaves->fd);
    aq_buffer_free(&leaves->large);
    free(leaves->payload);
    free(leaves->all);
    free(leaves);
}

uint64_t leaves_last(const struct leaves *leaves)
{
    return leaves->last;
}

struct wanted {
    uint64_t index;
    leaves_visit_fn *visit;
    void *context;
    struct aq_error *why;
};

static void show_row(struct leaves *leaves, const struct row *row, void *context)
{
    const struct wanted *wanted = context;
    struct log_head head;
    const void *payload;
    if (row->index == wanted->index && open_row(leaves, row, &head, &payload, wanted->why) == 0)
        wanted->visit(wanted->context, &head, payload);
}

void leaves_find(struct leaves *leaves, uint64_t index, leaves_visit_fn *visit, void *context, struct aq_error *why)
{
    struct wanted wanted = {index, visit, context, why};
    uint64_t rows = leaves->page_size / ROW_LEAST; /* most that a leaf holds: how far back it may begin */
    size_t low = 0, high = leaves->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (leaves->all[middle].first > index)
            high = middle;
        else
            low = middle + 1;
    }
    for (; low > 0 && leaves->all[low - 1].first + rows > index; low--)
        if (leaves->all[low - 1].last >= index)
            each_row(leaves, leaves->all[low - 1].page, show_row, &wanted);
}

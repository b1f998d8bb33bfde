#include "fs/kernel/inodes.h"

#include <stdlib.h>

enum { ROOT_NUMBER = 1, BUCKETS_FIRST = 1024 };

struct inode {
    struct inode *next; /* in its bucket */
    uint64_t number;
    uint64_t held;
    struct tree_node node;
};

struct inodes {
    struct inode **buckets;
    size_t bucket_count; /* a power of two */
    size_t count;
};

static struct inode **bucket_of(const struct inodes *inodes, uint64_t number)
{
    return &inodes->buckets[number & (inodes->bucket_count - 1)];
}

static struct inode *entry_of(const struct inodes *inodes, uint64_t number)
{
    struct inode *inode = *bucket_of(inodes, number);
    while (inode != NULL && inode->number != number)
        inode = inode->next;
    return inode;
}

static void add_to_bucket(struct inodes *inodes, struct inode *inode)
{
    struct inode **bucket = bucket_of(inodes, inode->number);
    inode->next = *bucket;
    *bucket = inode;
}

static void double_buckets(struct inodes *inodes)
{
    struct inode **old = inodes->buckets;
    size_t old_count = inodes->bucket_count;
    inodes->bucket_count *= 2;
    inodes->buckets = aq_calloc(inodes->bucket_count, sizeof(struct inode *));
    for (size_t i = 0; i < old_count; i++)
        for (struct inode *inode = old[i], *next; inode != NULL; inode = next) {
            next = inode->next;
            add_to_bucket(inodes, inode);
        }
    free(old);
}

struct inodes *inodes_open(void)
{
    struct inodes *inodes = aq_calloc(1, sizeof *inodes);
    inodes->bucket_count = BUCKETS_FIRST;
    inodes->buckets = aq_calloc(inodes->bucket_count, sizeof(struct inode *));
    struct inode *root = aq_calloc(1, sizeof *root);
    *root = (struct inode){.number = ROOT_NUMBER, .held = 1, .node = tree_node(TREE_ROOT, NULL, "")};
    add_to_bucket(inodes, root);
    inodes->count = 1;
    return inodes;
}

void inodes_close(struct inodes *inodes)
{
    if (inodes == NULL)
        return;
    for (size_t i = 0; i < inodes->bucket_count; i++)
        for (struct inode *inode = inodes->buckets[i], *next; inode != NULL; inode = next) {
            next = inode->next;
            free(inode);
        }
    free(inodes->buckets);
    free(inodes);
}

/* The number that the node has or would get. */
static uint64_t number_of(const struct inodes *inodes, const struct tree_node *node)
{
    if (node->kind == TREE_ROOT)
        return ROOT_NUMBER;
    uint64_t number = tree_node_hash(node);
    /* If two nodes have the same hash, the later one gets the next free number. */
    for (const struct inode *other; (other = entry_of(inodes, number)) != NULL && !tree_node_equal(&other->node, node);)
        number = number + 1 > ROOT_NUMBER ? number + 1 : ROOT_NUMBER + 1;
    return number;
}

uint64_t inodes_hold(struct inodes *inodes, const struct tree_node *node)
{
    uint64_t number = number_of(inodes, node);
    struct inode *inode = entry_of(inodes, number);
    if (inode == NULL) {
        if (inodes->count >= inodes->bucket_count)
            double_buckets(inodes);
        inode = aq_calloc(1, sizeof *inode);
        inode->number = number;
        inode->node = *node;
        add_to_bucket(inodes, inode);
        inodes->count++;
    }
    inode->held++;
    return number;
}

void inodes_forget(struct inodes *inodes, uint64_t number, uint64_t count)
{
    struct inode *inode = entry_of(inodes, number);
    if (inode == NULL || number == ROOT_NUMBER)
        return;
    inode->held = count < inode->held ? inode->held - count : 0;
    if (inode->held > 0)
        return;
    struct inode **link = bucket_of(inodes, number);
    while (*link != inode)
        link = &(*link)->next;
    *link = inode->next;
    free(inode);
    inodes->count--;
}

const struct tree_node *inodes_find(const struct inodes *inodes, uint64_t number)
{
    const struct inode *inode = entry_of(inodes, number);
    return inode ? &inode->node : NULL;
}

size_t inodes_count(const struct inodes *inodes)
{
    return inodes->count;
}

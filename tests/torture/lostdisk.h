/* What a disk may have of a recorded program (record.h) after the power was cut: everything that was synced, and any
 * part of what was not, in any order.
 *
 * A write may arrive wholly, in part, or not at all, whatever became of those before it: each sector by itself, but a
 * sector has its old or its new contents. (Disks promise that much, and LMDB relies on it: it has no other protection
 * for the 120 bytes of a meta page that each commit writes, which lie in one sector. A meta page that is torn within a
 * sector would look like one with turned bits, which must never be taken for a power cut, as the older meta page then
 * lacks what was acknowledged. So sectors are not torn here.) A file may have grown to the end of a write that did not
 * arrive, and has zeros or an old file's bytes there. A name that was made, changed or removed may be as it was
 * before, unless its directory was synced; within a directory, names change in order. */
#ifndef AQ_TESTS_TORTURE_LOSTDISK_H
#define AQ_TESTS_TORTURE_LOSTDISK_H

#include "tests/torture/record.h"

enum { LOSTDISK_SECTOR = 512, LOSTDISK_PAGE = 4096 };

/* A part of a write that has not been synced. */
struct lostdisk_part {
    const struct record_call *write;
    off_t offset; /* in the file */
    size_t length;
};

struct lostdisk_file {
    unsigned char *bytes; /* certainly on the disk */
    size_t size, capacity;
};

struct lostdisk_name {
    enum record_kind kind; /* FILE, DIRECTORY, LINK */
    unsigned file;
    char path[RECORD_PATH_SIZE], to[RECORD_PATH_SIZE];
};

struct lostdisk_names {
    struct lostdisk_name *all;
    size_t count, capacity;
};

struct lostdisk {
    struct lostdisk_file *files;
    unsigned file_count;
    struct lostdisk_names names;        /* that are certain */
    const struct record_call **changes; /* of names, not synced */
    size_t change_count, change_capacity;
    struct lostdisk_part *parts; /* in the order of the writes */
    size_t part_count, part_capacity;
    uint64_t mark; /* the last one that was passed */
};

/* What arrives. Belongs to the disk as it was when it was made. */
struct lostdisk_choice {
    unsigned char *parts;                                      /* for each part, whether it arrives */
    unsigned char *changes;                                    /* for each change of a name */
    enum { LOSTDISK_SHORT, LOSTDISK_ZEROS, LOSTDISK_OLD } end; /* of a file that has grown */
};

/* `files`: how many the record has. */
void lostdisk_open(struct lostdisk *disk, unsigned files);
void lostdisk_close(struct lostdisk *disk);

/* The call begins: what it writes may arrive. */
void lostdisk_begin(struct lostdisk *disk, const struct record_call *call);
/* It has returned: what it syncs is certain. */
void lostdisk_end(struct lostdisk *disk, const struct record_call *call);

/* How many pages the parts are of: a page counts for each write to it. They are numbered in the order of the parts. */
size_t lostdisk_pages(const struct lostdisk *disk);

struct lostdisk_choice lostdisk_choose(const struct lostdisk *disk); /* everything arrives */
void lostdisk_choice_free(struct lostdisk_choice *choice);
/* Of each page, by its number, either all parts arrive or none. */
void lostdisk_choose_pages(const struct lostdisk *disk, struct lostdisk_choice *choice, uint64_t pages);
/* Draws what arrives: all, nothing, some of the writes, pages or sectors, all sectors but one, or one. */
void lostdisk_draw(const struct lostdisk *disk, struct lostdisk_choice *choice);

/* Makes the directory, which must not exist, as it would be found. */
void lostdisk_make(const struct lostdisk *disk, const struct lostdisk_choice *choice, const char *directory);

/* Whether the files below `root` are as the disk would have them if everything arrived: nothing escaped the record. */
bool lostdisk_equals(const struct lostdisk *disk, const char *root);

#endif

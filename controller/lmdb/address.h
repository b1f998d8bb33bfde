/* Which byte of which LMDB file an address in memory belongs to, by /proc/self/maps; and texts that say so.
 *
 * Everything here is safe in a signal handler: it allocates no memory and takes no lock. */
#ifndef AQ_CONTROLLER_LMDB_ADDRESS_H
#define AQ_CONTROLLER_LMDB_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LMDB_TEXT_SIZE = 2048, LMDB_PATH_SIZE = 1300, LMDB_PLACE_SIZE = 256 };

/* Stands between a file's name and the place in every text about damage. */
#define LMDB_IS_DAMAGED " is damaged: "

/* A text that is cut where it does not fit. */
struct lmdb_text {
    size_t length;
    char bytes[LMDB_TEXT_SIZE];
};
void lmdb_text_add(struct lmdb_text *text, const char *words);
/* Adds "page 7, byte 28700". */
void lmdb_text_add_place(struct lmdb_text *text, uint64_t byte);

/* Calls `visit` with the path of each mapped file, until it returns true. Returns whether it did. */
typedef bool lmdb_mapped_fn(void *context, const char *path);
bool lmdb_each_mapped(lmdb_mapped_fn *visit, void *context);

/* The file that is mapped at an address, and the byte in it. False: none is. */
struct lmdb_address {
    uint64_t byte;
    char path[LMDB_PATH_SIZE];
};
bool lmdb_address_find(uint64_t address, struct lmdb_address *out);

/* Cuts a path to its directory if it is that of an LMDB data file. False: it is not. */
bool lmdb_cut_to_directory(char *path);

/* Fills `place` with "<file> is damaged: page 7, byte 28700", or "there is damage" if no LMDB file is mapped there. */
void lmdb_address_show(const void *address, char place[LMDB_PLACE_SIZE]);

#endif

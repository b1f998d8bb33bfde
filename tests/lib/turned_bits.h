/* Flips bits of a file, and reads it in another process, because LMDB trusts its pages and may crash a process that
 * reads a damaged one. */
#ifndef AQ_TESTS_LIB_TURNED_BITS_H
#define AQ_TESTS_LIB_TURNED_BITS_H

#include "tests/lib/chance.h"
#include "tests/lib/cmocka.h"

#include <stdint.h>
#include <sys/types.h>

enum { TURNED_PAGE = 4096, TURNED_HEAD = 64, LAST_WORDS_SIZE = 1024 };

struct turned_bit {
    off_t offset;
    unsigned bit;
};

void flip_bit(const char *path, off_t offset, unsigned bit);
/* Draws a bit in the first `within` bytes of one of the pages. */
struct turned_bit draw_bit(struct chance *chance, uint64_t pages, unsigned within);
/* Runs `read_it`, which must call _exit(), in a child. Returns the child's status as of waitpid(), and what it wrote to
 * standard error. */
int run_reader(void (*read_it)(const void *context), const void *context, char words[LAST_WORDS_SIZE]);

#endif

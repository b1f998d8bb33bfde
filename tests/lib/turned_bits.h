/* Bits of a file turn, and what reads them does so in a process of its own: LMDB believes its pages, and may end
 * whoever reads a damaged one. */
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
/* The next one by chance, in the first `within` bytes of any of the pages. */
struct turned_bit draw_bit(struct chance *chance, uint64_t pages, unsigned within);
/* Runs `read_it`, which ends the process, in a child; returns its status, as of waitpid(), and what it wrote to
 * standard error. */
int run_reader(void (*read_it)(const void *context), const void *context, char words[LAST_WORDS_SIZE]);

#endif

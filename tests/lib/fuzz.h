/* What the fuzz targets share. A target is one file with the function that libFuzzer calls for each input; linked with
 * libFuzzer (VARIANT=fuzz) or with replay_main.c, which hands it files. Its seeds are kept in corpus/<target>/.
 *
 * Inputs are made to be read: where a target must be told which record, field or command is meant, its name is the
 * first line. So a corpus stays good when the registry grows, and a person can write one with an editor. */
#ifndef AQ_TESTS_LIB_FUZZ_H
#define AQ_TESTS_LIB_FUZZ_H

#include "schema/base/error.h"
#include "schema/model/record.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold whatever the input is. */
#define fuzz_must(condition)                                                                                           \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                             \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

/* A function that fails says why, in a text that can be shown and sent; one that does not leaves the error alone. */
void fuzz_check_error(int failed, const struct aq_error *error);

/* ---- pieces of an input --------------------------------------------------------------------------------- */

struct fuzz_input {
    const uint8_t *data;
    size_t size;
};

uint64_t fuzz_take(struct fuzz_input *in, unsigned bytes);
/* The first line, without its break; what is longer than `size` - 1 is cut. */
void fuzz_take_line(struct fuzz_input *in, char *line, size_t size);
/* The rest in memory of exactly its size, so that a byte too many is noticed; with a NUL behind it when `text`. */
char *fuzz_rest(const struct fuzz_input *in, bool text);

/* ---- what is declared ----------------------------------------------------------------------------------- */

enum { FUZZ_RECORDS_MAX = 160 };

struct fuzz_records {
    const struct aq_record *rows[FUZZ_RECORDS_MAX];
    size_t count;
};

/* All that can be stored, sent, logged or configured. Gathered once. */
const struct fuzz_records *fuzz_records(void);
/* NULL: none is called so. */
const struct aq_record *fuzz_record(const char *name);
/* The record that the first line of the input names; NULL: none. */
const struct aq_record *fuzz_take_record(struct fuzz_input *in);
/* Are both records the same, as far as their packed form tells? */
bool fuzz_equal(const struct aq_record *record, const void *a, const void *b);

#endif

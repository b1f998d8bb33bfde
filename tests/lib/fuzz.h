/* The basis of the fuzz targets. A target is one file with the function that libFuzzer calls for each input. It is
 * linked with libFuzzer (VARIANT=fuzz) or with replay_main.c, which gives it files. Its seeds are in corpus/<target>/.
 *
 * Inputs are readable: where a target must know which record, field or command is meant, the first line is its name. So
 * a corpus stays valid when the registry grows, and can be written with an editor. */
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

/* What must be true for every input. */
#define fuzz_must(condition)                                                                                           \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                             \
            abort();                                                                                                   \
        }                                                                                                              \
    } while (0)

/* Checks that a function that failed gave a reason, as a valid text, and that one that succeeded left the error alone.
 */
void fuzz_check_error(int failed, const struct aq_error *error);

/* ---- pieces of an input --------------------------------------------------------------------------------- */

struct fuzz_input {
    const uint8_t *data;
    size_t size;
};

uint64_t fuzz_take(struct fuzz_input *in, unsigned bytes);
/* Takes the first line, without its newline and cut to `size` - 1 bytes. */
void fuzz_take_line(struct fuzz_input *in, char *line, size_t size);
/* Copies the rest into memory of exactly its size, so that a sanitizer sees reads after its end; with a NUL when
 * `text`. */
char *fuzz_rest(const struct fuzz_input *in, bool text);

/* ---- what is declared ----------------------------------------------------------------------------------- */

enum { FUZZ_RECORDS_MAX = 160 };

struct fuzz_records {
    const struct aq_record *rows[FUZZ_RECORDS_MAX];
    size_t count;
};

/* All records that can be stored, sent, logged or configured. */
const struct fuzz_records *fuzz_records(void);
/* NULL: there is none with this name. */
const struct aq_record *fuzz_record(const char *name);
/* The record that the first line of the input names; NULL: none. */
const struct aq_record *fuzz_take_record(struct fuzz_input *in);
/* Whether the packed forms of both records are the same. */
bool fuzz_equal(const struct aq_record *record, const void *a, const void *b);

#endif

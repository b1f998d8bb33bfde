/* Words as a shell splits them, with quotes and backslashes: of the lines of control files (text.h), and of arguments.
 */
#ifndef AQ_SCHEMA_CODEC_WORD_H
#define AQ_SCHEMA_CODEC_WORD_H

#include "schema/base/error.h"
#include "schema/base/memory.h"
#include "schema/model/record.h"

#include <stdbool.h>

/* Zeroed memory is an empty one. */
struct aq_word {
    struct aq_buffer text; /* quotes and backslashes resolved */
    size_t equals;         /* position of the first '=' that was not quoted */
    bool has_equals;
};

/* Reads the next word, and moves the cursor past it. 1: there is one. 0: only blanks were left. */
int aq_word_read(const char **cursor, const char *end, struct aq_word *word, struct aq_error *error) AQ_MUST_CHECK;

/* A program and its arguments, from one text; in `arena`. */
int aq_arguments_from_text(const char *text, struct aq_list *list, struct aq_arena *arena,
                           struct aq_error *error) AQ_MUST_CHECK;
/* Appends them as one text that aq_arguments_from_text() and a shell read as the same. Characters that change what a
 * reader sees are escaped, as in all texts. */
void aq_arguments_to_text(const struct aq_list *list, struct aq_buffer *out);

#endif

/* The user's editor, on a file of its own. */
#ifndef AQ_TOOLS_AQ_EDITOR_H
#define AQ_TOOLS_AQ_EDITOR_H

#include "schema/base/error.h"
#include "schema/base/memory.h"

#include <stdbool.h>

/* Makes an empty file that only the user can read, in $TMPDIR, else /tmp: "aq-label-XXXXXX.yml". The caller frees
 * `path`, and removes the file. */
int cli_editor_file(const char *what, char **path, struct aq_error *error) AQ_MUST_CHECK;

/* Writes `text` into the file, below `complaint` as a comment (NULL: none), runs $VISUAL, else $EDITOR, else vi on it,
 * and reads it back into `text` without the comment. `changed`: it is another one. */
int cli_editor_run(const char *path, struct aq_buffer *text, const char *complaint, bool *changed,
                   struct aq_error *error) AQ_MUST_CHECK;

#endif

/* What a write sends: words key=value and files, put together to JSON. The server checks it against the declaration, so
 * that files, REST and aq give the same errors; here only what cannot be sent at all is refused.
 *
 * Words follow the rules of a control file's line (aq_line_parse): "a.b=1" is {"a": {"b": "1"}}, and values stay texts.
 * A file is one YAML or JSON document, an object or a list of objects. Words win over what files say. */
#ifndef AQ_TOOLS_BODY_H
#define AQ_TOOLS_BODY_H

#include "tools/aq/options.h"

#include <jansson.h>

/* The word's "=" splits it; does it have one, with a name in front that could be a field's? */
bool cli_word_is_assignment(const char *word);

/* One object out of words of the form key=value. NULL with `error`. */
json_t *cli_body_words(const char *const *words, unsigned count, struct aq_error *error);

/* A list of objects: those of the files, or an empty one when there are no files; each with `over` merged into it. NULL
 * with `error`; else the caller's reference. */
json_t *cli_body_items(const struct cli_options *options, const json_t *over, struct aq_error *error);

#endif

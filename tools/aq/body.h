/* The body of a write, put together from field=value words and files, as JSON. The server checks it against the
 * declaration, so that files, REST and aq give the same errors; only what cannot be sent at all is refused here.
 *
 * Words follow the rules of a line in a control file (aq_line_parse): "a.b=1" is {"a": {"b": "1"}}, and values stay
 * texts. A file is JSON, or YAML of any number of documents: each is an object or a list of objects. Words override
 * what files say. */
#ifndef AQ_TOOLS_AQ_BODY_H
#define AQ_TOOLS_AQ_BODY_H

#include "tools/aq/options.h"

#include <jansson.h>

/* Does the word have an "=", with a name before it that could be that of a field? */
bool cli_word_is_assignment(const char *word);

/* One object from words of the form field=value. NULL with `error`. */
json_t *cli_body_words(const char *const *words, unsigned count, struct aq_error *error);

struct aq_yaml_places;

struct cli_body_file {
    const char *path;
    struct aq_yaml_places *places; /* NULL: JSON that is no YAML */
    size_t end;                    /* its items end before this one */
};

struct cli_body {
    json_t *items; /* list of objects */
    struct cli_body_file files[CLI_FILES_MAX];
    unsigned file_count;
};

/* Reads all files; `over`, which may be NULL, is merged into each object. The caller closes the body, after a failure
 * too. */
int cli_body_read(struct cli_body *body, const struct cli_options *options, const json_t *over,
                  struct aq_error *error) AQ_MUST_CHECK;
void cli_body_close(struct cli_body *body);

/* The server refused the items from `first` on with `message`: appends "FILE:LINE:COLUMN: message" if the place it is
 * about can be found. False: it cannot. */
bool cli_body_place(const struct cli_body *body, const struct aq_record *record, const char *message, size_t first,
                    struct aq_buffer *out);

#endif

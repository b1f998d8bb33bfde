/* Contexts: a server, a user and a token under a name, so that nobody has to set three variables. Each is a YAML file
 * that only its user can read: $XDG_CONFIG_HOME/aquarium/contexts/<name>, else below ~/.config. The file "current"
 * beside that directory names the one that is used when nothing else is said. */
#ifndef AQ_TOOLS_AQ_CONTEXTS_H
#define AQ_TOOLS_AQ_CONTEXTS_H

#include "schema/model/record.h"

/* clang-format off */
#define cli_context_fields(F, T)                                                                                       \
    F(T, server,      TEXT(0, 512),   0,        "address of a controller")                                              \
    F(T, user,        NAME(0, 64),    0,        "user to act as")                                                       \
    F(T, token,       TEXT(0, 4096),  0,        "the user's token")                                                     \
    F(T, fingerprint, TEXT(0, 255),   0,        "fingerprint of the authority that vouches for the server")             \
    F(T, authorities, TEXT(0, 65536), AQ_LINES, "certificates of such authorities, as PEM")
AQ_DECLARE(cli_context)
/* clang-format on */

/* "…/aquarium" or, with `name`, the file of that context, in `out`. Fails if there is no home directory. */
int cli_contexts_path(const char *name, struct aq_buffer *out, struct aq_error *error) AQ_MUST_CHECK;

/* The name of the context in use, in `arena`: `flag`, else AQ_CONTEXT, else the file "current". NULL: none. */
const char *cli_contexts_chosen(const char *flag, struct aq_arena *arena);

/* Reads a context; texts are in `arena`. Fails, naming the file, if it is missing, wrong, or readable by others. */
int cli_contexts_read(const char *name, struct cli_context *context, struct aq_arena *arena,
                      struct aq_error *error) AQ_MUST_CHECK;
int cli_contexts_write(const char *name, const struct cli_context *context, struct aq_error *error) AQ_MUST_CHECK;
int cli_contexts_delete(const char *name, struct aq_error *error) AQ_MUST_CHECK;
/* Makes it the current one. */
int cli_contexts_use(const char *name, struct aq_error *error) AQ_MUST_CHECK;
/* The names, sorted, one on each line. No directory: none. */
int cli_contexts_list(struct aq_buffer *out, struct aq_error *error) AQ_MUST_CHECK;

#endif

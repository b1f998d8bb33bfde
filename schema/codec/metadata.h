/* What a metadata service answers: all of a resource's metadata, or one value of it, as JSON, YAML, or assignments for
 * a shell. The controller's service and those of agents share it. */
#ifndef AQ_SCHEMA_CODEC_METADATA_H
#define AQ_SCHEMA_CODEC_METADATA_H

#include "schema/base/error.h"
#include "schema/base/memory.h"
#include "schema/model/record.h"

#include <jansson.h>
#include <stdbool.h>

#define AQ_METADATA_PATH    "/meta/v1/data/"  /* the keys of a value follow */
#define AQ_METADATA_ADDRESS "169.254.169.254" /* where clouds have a service like that */

enum { AQ_METADATA_PATH_PARTS = 3, AQ_METADATA_PREFIX_MAX = 64 };

#define AQ_METADATA_FORMATS(W)                                                                                         \
    W(AQ_METADATA_JSON, "json", "JSON")                                                                                \
    W(AQ_METADATA_YAML, "yaml", "YAML")                                                                                \
    W(AQ_METADATA_ENV, "env", "assignments for a shell")
AQ_DECLARE_WORDS(aq_metadata_format, AQ_METADATA_FORMATS)

/* The parameters of the query. */
/* clang-format off */
#define aq_metadata_query_fields(S, T)                                                                                 \
    S(T, format, ENUM(aq_metadata_format),        "json", 0, "form of the answer")                                     \
    S(T, prefix, TEXT(0, AQ_METADATA_PREFIX_MAX), NULL,   0, "put before the names of format=env")
AQ_DECLARE_SETTINGS(aq_metadata_query)
/* clang-format on */

struct aq_metadata_wish {
    enum aq_metadata_format format;
    bool plain; /* no format is given: one value that is a text is answered as it is */
    const char *prefix;
    const char *const *keys; /* the value's; none: all of the metadata */
    unsigned count;
};

/* `format` and `prefix` are the parameters, or NULL. The wish's texts and keys stay the caller's. */
int aq_metadata_wish_read(struct aq_metadata_wish *wish, const char *format, const char *prefix,
                          const char *const *keys, unsigned count, struct aq_error *error) AQ_MUST_CHECK;

/* Appends the answer to `out`. `document` is the resource's metadata, a JSON object. Returns the answer's content type;
 * NULL with the error. */
const char *aq_metadata_render(const char *document, const struct aq_metadata_wish *wish, struct aq_buffer *out,
                               struct aq_error *error) AQ_MUST_CHECK;

/* The document with the secrets of metadata (aq_secret) in their places, in `arena`, which is to be wiped. */
const char *aq_metadata_with_secrets(const char *document, const struct aq_list *secrets, struct aq_arena *arena);

/* The value at keys[0].keys[1]...; the key of a list's item is its number, from 0. NULL: there is none. The value
 * belongs to `json`. */
const json_t *aq_metadata_at(const json_t *json, const char *const *keys, unsigned count);

/* A prefix is the name of a shell variable: letters, digits and _, beginning with no digit. It may be empty. */
int aq_metadata_check_prefix(const char *prefix, struct aq_error *error) AQ_MUST_CHECK;

/* Appends a line prefix_KEY='value' for each variable (variables.h). `name` is used as the key of a value that is not
 * an object. */
void aq_metadata_to_env(const json_t *json, const char *prefix, const char *name, struct aq_buffer *out);

#endif

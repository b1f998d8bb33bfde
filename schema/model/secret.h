/* Secrets as they travel and as they are stored: never in the clear.
 *
 * At the door (controller/secrets/door.h), before a command is a command, each secret value is taken out of its record:
 * AQ_SECRET_MARK is in its place, and the value is in a sealed box. The key of the boxes of one row, its data key, is
 * drawn for that row and wrapped by the key of an epoch (epoch.h). Without that key nobody can open them. */
#ifndef AQ_SCHEMA_MODEL_SECRET_H
#define AQ_SCHEMA_MODEL_SECRET_H

#include "schema/model/record.h"

#define AQ_SECRET_MARK     "***"       /* what everybody sees of a secret */
#define AQ_SECRET_METADATA "metadata." /* what the names of secrets in metadata begin with: metadata.password */

enum {
    AQ_SECRETS_MAX = 64,         /* of one row */
    AQ_SECRET_VALUE_MAX = 65536, /* bytes */
    AQ_SECRET_DIGEST_SIZE = 16,
    AQ_SECRET_KEY_SIZE = 32,
};

/* clang-format off */
#define aq_boxed_fields(F, T)                                                                                          \
    F(T, name,   TEXT(1, 320),     0, "which value it is, such as metadata.password")                                  \
    F(T, box,    BYTES(0, 131072), 0, "the value, encrypted with the data key")                                        \
    F(T, digest, BYTES(0, 32),     0, "of the value, with a key that follows from the data key: for comparing")        \
    F(T, before, BYTES(0, 32),     0, "the same with the data key of the label's latest version; in commands only")
AQ_DECLARE(aq_boxed)

#define aq_wrap_fields(F, T)                                                                                           \
    F(T, epoch, NAME(0, 64),   0, "epoch whose key encrypts it; none: there are no secrets")                           \
    F(T, key,   BYTES(0, 128), 0, "the data key, encrypted")
AQ_DECLARE(aq_wrap)

/* In the clear: in memory and in sealed messages only. The value of metadata is JSON. */
#define aq_secret_fields(F, T)                                                                                         \
    F(T, name,  TEXT(1, 320),                 0,                    "which value it is, such as metadata.password")    \
    F(T, value, TEXT(0, AQ_SECRET_VALUE_MAX), AQ_SECRET | AQ_LINES, "the value")
AQ_DECLARE(aq_secret)
/* clang-format on */

/* The one with this name; NULL: there is none. */
const struct aq_boxed *aq_boxed_named(const struct aq_list *sealed, const char *name);
/* Calls `each` for every field of the record, and of those inside it, with the rule AQ_SEALED: with its path, such as
 * definitions[0].authentication.password, and where its text is. Until it returns another value than 0, which is
 * returned. */
typedef int aq_sealed_text_fn(void *context, const char *path, const char **text, struct aq_error *error);
int aq_sealed_texts(const struct aq_record *record, void *object, aq_sealed_text_fn *each, void *context,
                    struct aq_error *error) AQ_MUST_CHECK;
/* The value of the one with this name in a list of aq_secret; NULL: there is none. */
const char *aq_secret_value(const struct aq_list *secrets, const char *name);
/* Do the keys of metadata that are secrets include this one? "*" stands for all. */
bool aq_secrets_have(const struct aq_list *secrets, const char *key);
/* A secret becomes a file of that name: letters, digits, '.', '_', '-', the first a letter, a digit or '_'. */
bool aq_secret_key_is_good(const char *key);

#endif

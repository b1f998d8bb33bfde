/* Readers of options that several drivers have (options.h). */
#ifndef AQ_SCHEMA_DRIVERS_READERS_H
#define AQ_SCHEMA_DRIVERS_READERS_H

#include "schema/drivers/options.h"

/* Stored as the arguments of execvp(): a list, or one text for /bin/sh -c. */
int aq_read_command(const struct aq_field *field, const json_t *value, void *object, struct aq_arena *arena,
                    struct aq_error *error);
/* The same, but only a list. */
int aq_read_entrypoint(const struct aq_field *field, const json_t *value, void *object, struct aq_arena *arena,
                       struct aq_error *error);
/* An object; stored as "NAME=value". */
int aq_read_environment(const struct aq_field *field, const json_t *value, void *object, struct aq_arena *arena,
                        struct aq_error *error);
/* An absolute path. */
int aq_read_directory(const struct aq_field *field, const json_t *value, void *object, struct aq_arena *arena,
                      struct aq_error *error);
/* A name or a number; stored as a text. */
int aq_read_user(const struct aq_field *field, const json_t *value, void *object, struct aq_arena *arena,
                 struct aq_error *error);
/* A list of texts and numbers, stored as texts. */
int aq_read_texts(const struct aq_field *field, const json_t *value, void *object, struct aq_arena *arena,
                  struct aq_error *error);
/* A list of texts that aq_mount_parse() accepts. */
int aq_read_mounts(const struct aq_field *field, const json_t *value, void *object, struct aq_arena *arena,
                   struct aq_error *error);

#endif

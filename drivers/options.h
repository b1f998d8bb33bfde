/* Reads a label's options for a driver. A driver declares its options like settings: each row has type, bounds, preset
 * and help. The checks, the struct that the driver reads, the manual page and the tables of docs/labels.md follow from
 * that.
 *
 * JSON types are strict: a text is not taken for a number, and null is refused. An option that may have several JSON
 * types, or is stored in another form, has a reader of its own. */
#ifndef AQ_DRIVERS_OPTIONS_H
#define AQ_DRIVERS_OPTIONS_H

#include "drivers/driver.h"

/* How to read one option. */
struct driver_option_reader {
    const char *option;  /* NULL ends a list of readers */
    const char *accepts; /* such as "a list of texts, or one text" */

    /* Stores the value in the field of `object`, the driver's struct, with memory from `arena`. */
    int (*read)(const struct aq_field *field, const json_t *value, void *object, struct aq_arena *arena,
                struct aq_error *error);
};

/* Reads and checks all options. *out is the struct of type->options, from `arena`; options that are not given have
 * their presets. An error names the option, its value, and what it may be. */
int driver_options_read(const struct driver_type *type, const json_t *options, const void **out, struct aq_arena *arena,
                        struct aq_error *error) AQ_MUST_CHECK;

/* Appends what an option accepts: "a whole number of seconds from 0 to 3600". */
void driver_option_accepts(const struct driver_type *type, const struct aq_field *field, struct aq_buffer *out);

/* ---- for readers -------------------------------------------------------------------------------------- */

bool driver_option_is_text(const json_t *value); /* a text without NUL */

/* Fails with: option "x" is 1, but must be `accepts`. */
int driver_option_refuse(const struct aq_field *field, const json_t *value, const char *accepts,
                         struct aq_error *error);

/* Checks a text against the field's bounds and rules, and stores it. */
int driver_option_read_text(const struct aq_field *field, const json_t *value, void *object, struct aq_arena *arena,
                            struct aq_error *error) AQ_MUST_CHECK;

#endif

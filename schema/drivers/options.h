/* Reads a label's options for a driver. A driver declares its options like settings: each row has type, bounds, preset
 * and help. The checks, the struct that the driver reads, the manual page and the tables of docs/labels.md follow from
 * that.
 *
 * Numbers may be texts, with the units of settings: "64KiB", "5s". Null is refused. An option that may have several
 * JSON types, or is stored in another form, has a reader of its own. */
#ifndef AQ_SCHEMA_DRIVERS_OPTIONS_H
#define AQ_SCHEMA_DRIVERS_OPTIONS_H

#include "schema/drivers/driver.h"

#include <jansson.h>

/* How to read one option. */
struct aq_option_reader {
    const char *option;  /* NULL ends a list of readers */
    const char *accepts; /* such as "a list of texts, or one text" */

    /* Stores the value in the field of `object`, the driver's struct, with memory from `arena`. */
    int (*read)(const struct aq_field *field, const json_t *value, void *object, struct aq_arena *arena,
                struct aq_error *error);
};

/* Reads and checks all options. *out is the struct of driver->options, from `arena`; options that are not given have
 * their presets. An error names the option, its value, and what it may be. */
int aq_options_read(const struct aq_driver *driver, const json_t *options, const void **out, struct aq_arena *arena,
                    struct aq_error *error) AQ_MUST_CHECK;

/* What a label's options ask of the owner of a node. *demand is valid as long as `arena`. Options that cannot be read
 * ask for nothing. */
void aq_options_demand(const struct aq_driver *driver, const json_t *options, struct aq_demand *demand,
                       struct aq_arena *arena);

/* Writes options that can be read in the one form that every version of the driver reads, older agents' too: numbers
 * without units, and texts for a program's words. A new reference. */
json_t *aq_options_plain(const struct aq_driver *driver, const json_t *options);

/* Appends what an option accepts: "a whole number from 1 to 10". */
void aq_option_accepts(const struct aq_driver *driver, const struct aq_field *field, struct aq_buffer *out);

/* ---- for readers -------------------------------------------------------------------------------------- */

bool aq_option_is_text(const json_t *value); /* a text without NUL */

/* A text, a number, true or false, as a text; from `arena`, if it is not `value`'s own. NULL: anything else. */
const char *aq_option_scalar(const json_t *value, struct aq_arena *arena);

/* Fails with: option "x" is 1, but must be `accepts`. */
int aq_option_refuse(const struct aq_field *field, const json_t *value, const char *accepts, struct aq_error *error);

/* Checks a text against the field's bounds and rules, and stores it. */
int aq_option_read_text(const struct aq_field *field, const json_t *value, void *object, struct aq_arena *arena,
                        struct aq_error *error) AQ_MUST_CHECK;

#endif

/* Reads a label's options for a driver. What a driver knows is declared as settings are: its record lists each option
 * with type, bounds, preset and help, and from that follow the checks, the struct that the driver reads, the manual
 * page and the tables of docs/labels.md.
 *
 * JSON types are taken strictly: a number as a whole number, a text as a text; null is refused. An option that may be
 * of several JSON types, or is kept in another form than it is written in, has a reader of the driver's own. */
#ifndef AQ_DRIVERS_OPTIONS_H
#define AQ_DRIVERS_OPTIONS_H

#include "drivers/driver.h"

/* One option with a reader of its own. */
struct driver_option_reader {
    const char *option;  /* NULL ends a list of readers */
    const char *accepts; /* what it may be: "a list of texts, or one text" */

    /* Stores the value at the field's place in the driver's struct, with memory from `arena`. */
    int (*read)(const struct aq_field *field, const json_t *value, void *object, struct aq_arena *arena,
                struct aq_error *error);
};

/* Reads and checks. *out is the struct of type->options, from `arena`, with presets where nothing is given. An error
 * names the option, its value and what would be right. */
int driver_options_read(const struct driver_type *type, const json_t *options, const void **out, struct aq_arena *arena,
                        struct aq_error *error) AQ_MUST_CHECK;

/* Appends what the option may be: "a whole number of seconds from 0 to 3600". */
void driver_option_accepts(const struct driver_type *type, const struct aq_field *field, struct aq_buffer *out);

/* ---- for readers -------------------------------------------------------------------------------------- */

bool driver_option_is_text(const json_t *value); /* a text without NUL */

/* Fails with: option "x" is 1, but must be `accepts`. */
int driver_option_refuse(const struct aq_field *field, const json_t *value, const char *accepts,
                         struct aq_error *error);

/* Stores a text, which is checked against the field's bounds and rules. */
int driver_option_read_text(const struct aq_field *field, const json_t *value, void *object, struct aq_arena *arena,
                            struct aq_error *error) AQ_MUST_CHECK;

#endif

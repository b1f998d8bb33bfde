/* The first line of a driver program: what the driver is, and which options it has (docs/driver-programs.md).
 *
 * The options become a declaration like that of a built-in driver, so that labels are checked by the same code. */
#ifndef AQ_DRIVERS_PROGRAM_HELLO_H
#define AQ_DRIVERS_PROGRAM_HELLO_H

#include "schema/base/error.h"
#include "schema/base/memory.h"
#include "schema/drivers/allow.h"
#include "schema/drivers/driver.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    HELLO_PROTOCOL = 1,
    HELLO_OPTIONS_MAX = 64,
    HELLO_WORDS_MAX = 64,
    HELLO_TEXT_MAX = 32768,
    HELLO_LIST_MAX = 1024
};

/* How calls are written: as JSON, or as assignments that a shell reads. */
enum hello_form { HELLO_JSON, HELLO_SH };

/* Zeroed memory is one that has said nothing. */
struct hello {
    struct aq_arena arena;
    struct aq_driver declared;
    struct aq_record options;
    json_t *presets; /* of options that have one */
    enum hello_form form;
    bool commands, groups, tasks, leases;
    const char *unusable; /* why the driver cannot be used; NULL: it can */
    uint64_t *workloads;  /* of this node, that are on this host; sorted */
    size_t workload_count;
};

/* Fails with a reason that names the member. `name` is the driver's, and outlives `hello`. */
int hello_read(struct hello *hello, const char *name, const json_t *line, struct aq_error *error) AQ_MUST_CHECK;
void hello_free(struct hello *hello);

/* What of the driver is known before it has said anything. */
void hello_none(struct hello *hello, const char *name);

/* The options of a label, checked: all that are declared, in their plain form, with presets; null where there is
 * neither value nor preset. A driver that schema/drivers declares gets what is given. A new reference, or NULL. */
json_t *hello_options(const struct hello *hello, const json_t *given, struct aq_error *error) AQ_MUST_CHECK;

/* What the driver can do, and its options: a line each, in `arena`, into a list with room for `most`. */
void hello_describe(const struct hello *hello, struct aq_list *lines, uint32_t most, struct aq_arena *arena);

/* What these options ask of the owner of the node, by their types; in `arena`. */
void hello_demand(const struct hello *hello, const json_t *given, struct aq_demand *demand, struct aq_arena *arena);

#endif

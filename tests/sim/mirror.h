/* What readers must see: the rows of the tables and the events of the log, made from events alone as soon as they are
 * durable. Of each row it has the fields that follow from events without knowing how anything is decided. */
#ifndef AQ_TESTS_SIM_MIRROR_H
#define AQ_TESTS_SIM_MIRROR_H

#include "controller/state/state.h"
#include "schema/codec/entry.h"
#include "schema/model/amounts.h"
#include "schema/model/entity.h"
#include "tests/sim/sim.h"

#include <jansson.h>

struct mirror_event {
    const char *text; /* as JSON */
    const struct aq_entity *entity;
    uint64_t application; /* whose history has it; 0: none */
    bool ends;            /* a resource */
};

/* Rows of one entity, in the order of their keys. */
struct mirror_table {
    const struct aq_entity *entity;
    void **rows; /* structs of entity->record */
    size_t count, room;
};

/* What is kept of a label's definition. */
struct mirror_definition {
    const char *driver;
    struct aq_amounts amounts;
    struct aq_list node_filter; /* const char * */
    uint64_t lifetime, lease;
};

enum { MIRROR_TABLES = 9 };

struct mirror {
    struct aq_arena arena;
    struct mirror_table tables[MIRROR_TABLES];
    struct mirror_event *events; /* by their seq, from 1 */
    size_t n_events, events_room;
    uint64_t users, tokens; /* that there ever were */
};

size_t mirror_number(const struct aq_entity *entity); /* of its table */

void mirror_open(struct mirror *mirror);
void mirror_free(struct mirror *mirror);

/* `text` is the event as JSON. Lists of a label's row have struct mirror_definition. */
void mirror_take(struct mirror *mirror, const struct aq_event *event, const char *text);

const struct mirror_table *mirror_table(const struct mirror *mirror, const struct aq_entity *entity);
/* NULL: there is none. `key` as users write it. */
const void *mirror_row(const struct mirror *mirror, const struct aq_entity *entity, const char *key);

/* What a user's applications in a project hold, and how many of them are open. */
struct mirror_usage {
    struct aq_amounts held;
    uint64_t open;
};
struct mirror_usage mirror_usage(const struct mirror *mirror, const char *project, uint64_t user_number);

/* ---- mirror_fields.c --------------------------------------------------------------------------------- */

/* The fields that are known of an entity's rows, by name; the list ends with NULL. */
const char *const *mirror_fields(const struct aq_entity *entity);
/* And others, by which no list is filtered. */
const char *const *mirror_more_fields(const struct aq_entity *entity);
/* Does a field of a row that is shown have its value? */
bool mirror_has_field(const struct aq_entity *entity, const void *row, const char *name, const json_t *shown);

/* The tables have these rows, and no others, with what nobody is shown as well. */
void mirror_compare(const struct mirror *mirror, struct state_txn *txn, struct sim *sim);
void mirror_compare_indexes(const struct mirror *mirror, struct state_txn *txn, struct sim *sim);

#endif

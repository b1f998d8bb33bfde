/* What the parts of the mirror share. Private to mirror*.c: what events change is in mirror_work.c, for what runs,
 * nodes and labels, and in mirror_accounts.c, for users, roles, projects and who has which role in them. */
#ifndef AQ_TESTS_SIM_MIRROR_ROWS_H
#define AQ_TESTS_SIM_MIRROR_ROWS_H

#include "tests/sim/mirror.h"

struct aq_project;

struct mirror_taker {
    const struct aq_event_type *type;
    void (*take)(struct mirror *mirror, const struct aq_event *event);
};
/* Each ends with a row without a type. */
extern const struct mirror_taker mirror_work[], mirror_accounts[];

/* What an event changes. A row that is missing is the judge's matter. */
#define TAKE(type) static void take_##type(struct mirror *mirror, const struct aq_event *event)
#define DATA(type) const struct aq_##type *data = event->data

/* NULL: there is none. */
void *mirror_find_number(struct mirror *mirror, const struct aq_entity *entity, uint64_t number);
void *mirror_find_name(struct mirror *mirror, const struct aq_entity *entity, const char *name);
/* A new row, with its key: a number, or a name. */
void *mirror_add(struct mirror *mirror, const struct aq_entity *entity, uint64_t number, const char *name);
void mirror_drop(struct mirror *mirror, const struct aq_entity *entity, uint64_t number, const char *name);
/* The row of an application's or a resource's project, which is always there. */
struct aq_project *mirror_project_of(struct mirror *mirror, const char *name);

/* Texts that live as long as the mirror. */
const char *mirror_copy(struct mirror *mirror, const char *text);
struct aq_list mirror_copy_texts(struct mirror *mirror, const struct aq_list *texts);

#endif

/* Tests of decide and project that read as a specification: given events, when a command, then events or a refusal.
 *
 *     GIVEN(user_created, .name = "alice", .hash = "x");
 *     WHEN(user_delete, .name = "alice");
 *     THEN(user_deleted, .name = "alice");
 *     DONE();
 *
 * DONE() checks that nothing else was decided, and projects the events, so that the next WHEN sees them. REFUSED()
 * checks that nothing was decided. Texts that are left out are empty. The tables are real, in a temporary directory,
 * with one write transaction that is never committed; there is no log, no writer and no clock. */
#ifndef AQ_TESTS_LIB_DECIDE_CASE_H
#define AQ_TESTS_LIB_DECIDE_CASE_H

#include "controller/decide/decide.h"
#include "controller/project/project.h"
#include "schema/model/application.h"
#include "schema/model/label.h"
#include "schema/model/node.h"
#include "schema/model/resource.h"
#include "schema/model/role.h"
#include "schema/model/user.h"
#include "tests/lib/cluster.h"
#include "tests/lib/cmocka.h"

enum { SPEC_START_MS = 1000000, SPEC_MAP_BYTES = 256 << 20 };

struct spec {
    char directory[64];
    struct state *state;
    struct state_txn *txn;
    struct place_index *index;
    struct aq_arena arena;
    uint64_t time_ms, seq;
    struct aq_caller caller;

    struct decide decide; /* of the last WHEN */
    int status;
    struct aq_error error;
    size_t checked; /* events that a THEN has checked */
    bool open;      /* after a WHEN, before its DONE or REFUSED */
};
extern struct spec spec;

int spec_setup(void **context);
int spec_teardown(void **context);

#define SPEC_TEST(name) cmocka_unit_test_setup_teardown(name, spec_setup, spec_teardown)

void spec_as(const char *author, const char *role);

/* ---- records with all texts filled --------------------------------------------------------- */

void *spec_record(const struct aq_record *record, const void *object);

/* A list in a record: .disks = ITEMS(struct aq_disk, {.name = "a", .size = 1}). */
#define ITEMS(type, ...)                                                                                               \
    {                                                                                                                  \
        (type[]){__VA_ARGS__}, sizeof((type[]){__VA_ARGS__}) / sizeof(type)                                            \
    }

/* ---- given -------------------------------------------------------------------------------------------- */

void spec_project(const struct aq_event_type *type, const void *data);

#define GIVEN(kind, ...)                                                                                               \
    spec_project(&aq_event_##kind, spec_record(&aq_##kind##_record, &(struct aq_##kind){__VA_ARGS__}))

/* ---- when --------------------------------------------------------------------------------------------- */

void spec_when(const struct aq_command *command, const void *record);

#define WHEN(name, ...) spec_when(&aq_command_##name, &(struct aq_##name){__VA_ARGS__})

/* ---- then --------------------------------------------------------------------------------------------- */

void spec_then(int line, const struct aq_event_type *type, const void *given);

#define THEN(kind, ...) spec_then(__LINE__, &aq_event_##kind, &(struct aq_##kind){__VA_ARGS__})

/* The same without comparing the ballot. */
void spec_then_elected(int line, struct aq_application_elected expected);
void spec_then_waiting(int line, struct aq_application_waiting expected);

#define THEN_ELECTED(...) spec_then_elected(__LINE__, (struct aq_application_elected){__VA_ARGS__})

#define THEN_WAITING(...) spec_then_waiting(__LINE__, (struct aq_application_waiting){__VA_ARGS__})

void spec_happens(void);
void spec_done(int line);

#define DONE() spec_done(__LINE__)

/* A command that must succeed, whatever it decides. */
#define DO(name, ...)                                                                                                  \
    do {                                                                                                               \
        WHEN(name, __VA_ARGS__);                                                                                       \
        if (spec.status != 0)                                                                                          \
            fail_msg("%s", spec.error.message);                                                                        \
        spec_happens();                                                                                                \
    } while (0)

#define REFUSED(why, text)                                                                                             \
    do {                                                                                                               \
        assert_true(spec.open);                                                                                        \
        assert_int_equal(spec.status, -1);                                                                             \
        assert_string_equal(spec.error.message, text);                                                                 \
        assert_int_equal(spec.error.code, why);                                                                        \
        assert_int_equal(spec.decide.count, 0);                                                                        \
        spec.open = false;                                                                                             \
    } while (0)

/* ---- common rows ------------------------------------------------------------------------------ */

void given_user(const char *name);
/* A label with one definition of the driver `test` that needs one core and one slot. */
void given_label(uint64_t id, const char *name, uint64_t version);
void given_node(uint64_t number, const char *name, uint64_t cores);
/* The user alice, the label mac (1), the node node-1 with four cores. The next commands are alice's. */
void given_cluster(void);
/* And alice has application 1, for which node-1 is starting resource 1, or runs it. The next commands are the system's.
 */
void given_assigned_resource(void);
void given_running_resource(void);
void as_system(void);

/* ---- tables ------------------------------------------------------------------------------------------ */

uint64_t number_of(const char *user); /* 0: there is no such user */
uint64_t spec_rows(enum state_index index);
struct aq_application the_application(uint64_t id);
struct aq_resource the_resource(uint64_t id);
struct aq_node the_node(const char *name);
bool has_resource(uint64_t id);
/* A counter in a new snapshot, which does not see the open transaction. */
uint64_t spec_committed_counter(const char *counter);
/* Checks that the placement index equals one that is filled from the tables. */
void spec_check_index(void);

#endif

/* decide and project as a specification: given these events, when this command, then those events, or that refusal.
 *
 *     GIVEN(user_created, .name = "alice", .hash = "x");
 *     WHEN(user_delete, .name = "alice");
 *     THEN(user_deleted, .name = "alice");
 *     DONE();
 *
 * DONE() says that nothing else was decided, and lets it happen: the next WHEN sees it. REFUSED() says that nothing was
 * decided at all. Texts that are left out are empty. Real tables in a temporary directory, one write transaction that
 * is never committed; no log, no writer, no clock. */
#ifndef AQ_TESTS_LIB_DECIDE_CASE_H
#define AQ_TESTS_LIB_DECIDE_CASE_H

#include "controller/decide/decide.h"
#include "controller/project/project.h"
#include "schema/model/application.h"
#include "schema/model/label.h"
#include "schema/model/node.h"
#include "schema/model/resource.h"
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
    const char *author;
    enum aq_role role;

    struct decide decide; /* of the last WHEN */
    int status;
    struct aq_error error;
    size_t checked; /* events that a THEN has looked at */
    bool open;      /* a WHEN waits for its DONE or REFUSED */
};
extern struct spec spec;

int spec_setup(void **context);
int spec_teardown(void **context);

#define SPEC_TEST(name) cmocka_unit_test_setup_teardown(name, spec_setup, spec_teardown)

void spec_as(const char *author, enum aq_role role);

/* ---- records with what was left out filled in --------------------------------------------------------- */

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

/* The same, whoever answered what. */
void spec_then_elected(int line, struct aq_application_elected expected);
void spec_then_waiting(int line, struct aq_application_waiting expected);

#define THEN_ELECTED(...) spec_then_elected(__LINE__, (struct aq_application_elected){__VA_ARGS__})

#define THEN_WAITING(...) spec_then_waiting(__LINE__, (struct aq_application_waiting){__VA_ARGS__})

void spec_happens(void);
void spec_done(int line);

#define DONE() spec_done(__LINE__)

/* Whatever it leads to. */
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

/* ---- the usual furniture ------------------------------------------------------------------------------ */

void given_user(const char *name);
/* One definition of the driver `test` that needs one core and one slot. */
void given_label(uint64_t id, const char *name, uint64_t version);
void given_node(uint64_t number, const char *name, uint64_t cores);
/* alice, the label mac (1), the node node-1 with four cores; alice asks from now on. */
void given_cluster(void);
void as_system(void);

/* ---- looking ------------------------------------------------------------------------------------------ */

uint64_t spec_rows(enum state_index index);
struct aq_application the_application(uint64_t id);
struct aq_resource the_resource(uint64_t id);
struct aq_node the_node(const char *name);
bool has_resource(uint64_t id);
/* A counter in a new snapshot: without what the open transaction has changed. */
uint64_t spec_committed_counter(const char *counter);
/* The placement index equals one that is filled from the tables. */
void spec_check_index(void);

#endif

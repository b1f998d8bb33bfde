/* What deciding a right costs: the bit of a permission with the row's owner, for a role of 64 patterns, and with its
 * project, for a member of 64 projects; and finding out what a caller may do, from its row and its roles in a snapshot.
 * The baseline of all is a microsecond. */
#include "controller/state/rights.h"
#include "schema/model/application.h"
#include "schema/model/role.h"
#include "schema/model/token.h"
#include "schema/model/user.h"
#include "tests/lib/bench.h"
#include "tests/lib/directory.h"

#include <stdio.h>

enum { ROUNDS = 9, DECISIONS = 1000000, CALLERS = 100000, PATTERNS = 64, MAP_BYTES = 64 << 20 };

static const char *patterns[PATTERNS];

static struct state *make_tables(const char *directory)
{
    struct aq_error error;
    struct state *state;
    struct state_txn *txn;
    struct state_key key = state_key_name("wide");
    const char *const spread[] = {"application.*:own", "resource.*:own", "label.read", "node.list"};
    for (int i = 0; i < PATTERNS; i++)
        patterns[i] = spread[(unsigned)i % AQ_LENGTH(spread)];
    const struct aq_role role = {
        .name = "wide", .may = {(void *)patterns, PATTERNS}, .description = "", .created_by = ""};
    BENCH_MUST(state_open(&state, directory, STATE_WRITE, MAP_BYTES, &error) == 0);
    BENCH_MUST(state_write(state, &txn, &error) == 0);
    state_store(txn, &aq_entity_role, &key, &role);
    BENCH_MUST(state_commit(txn, &error) == 0);
    return state;
}

/* Microseconds for one decision, and the same for one caller. */
static double decide(const struct aq_caller *caller, const struct aq_permission *permission)
{
    struct aq_application row = {.user_number = 7};
    uint64_t allowed = 0;
    double begun = bench_now();
    for (uint64_t i = 0; i < DECISIONS; i++) {
        row.user_number = 7 + (i & 1);
        allowed += aq_access_allows_row(caller, permission, &row);
    }
    double used = bench_now() - begun;
    BENCH_MUST(allowed == DECISIONS / 2);
    return used * 1e6 / DECISIONS;
}

static struct aq_user_membership memberships[AQ_MEMBERSHIPS_OF_USER_MAX];

/* In projects p00 to p63, with two roles by turns. */
static void fill_memberships(void)
{
    static char names[AQ_MEMBERSHIPS_OF_USER_MAX][8];
    for (unsigned i = 0; i < AQ_MEMBERSHIPS_OF_USER_MAX; i++) {
        snprintf(names[i], sizeof names[i], "p%02u", i);
        memberships[i] = (struct aq_user_membership){names[i], i % 2 == 0 ? AQ_ROLE_USER : AQ_ROLE_VIEWER, i + 1};
    }
}

/* Half of the rows are of a project where the caller may see all, the others of one where it may not. */
static double decide_in_project(struct state *state)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    const struct aq_permission *permission = aq_permission_of(&aq_entity_application, "read");
    const struct aq_user user = {
        .name = "ann", .number = 7, .role = AQ_ROLE_MEMBER, .memberships = {memberships, AQ_LENGTH(memberships)}};
    struct aq_application row = {.user_number = 8};
    struct aq_error error;
    struct state_txn *txn;
    uint64_t allowed = 0;
    BENCH_MUST(state_read(state, &txn, &error) == 0);
    const struct aq_caller caller = rights_caller(txn, &user, &arena);
    double begun = bench_now();
    for (uint64_t i = 0; i < DECISIONS; i++) {
        row.project = i & 1 ? "p41" : "p40";
        allowed += aq_access_allows_row(&caller, permission, &row);
    }
    double used = bench_now() - begun;
    state_end(txn);
    BENCH_MUST(allowed == DECISIONS / 2);
    return used * 1e6 / DECISIONS;
}

/* What a caller with this role and so many memberships may do. `token`: with one that is limited to 64 patterns. */
static double find_in(struct state_txn *txn, const char *role, uint32_t count, bool token)
{
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    const struct aq_token limited = {
        .id = 3, .role = "", .only = {(void *)patterns, PATTERNS}, .project = "", .user_number = 7};
    const struct aq_user user = {.name = "ann", .number = 7, .role = role, .memberships = {memberships, count}};
    double begun = bench_now();
    for (int i = 0; i < CALLERS; i++) {
        struct aq_caller caller =
            token ? rights_caller_with(txn, &user, &limited, &arena) : rights_caller(txn, &user, &arena);
        BENCH_MUST(caller.number == 7 && caller.grant_count == count);
        aq_arena_reset(&arena);
    }
    return (bench_now() - begun) * 1e6 / CALLERS;
}

static double find(struct state *state, const char *role, uint32_t count, bool token)
{
    struct aq_error error;
    struct state_txn *txn;
    BENCH_MUST(state_read(state, &txn, &error) == 0);
    const double us = find_in(txn, role, count, token);
    state_end(txn);
    return us;
}

/* As the writer does it, which has changed the role in the same batch. */
static double find_in_batch(struct state *state, const char *role)
{
    struct aq_error error;
    struct state_txn *txn;
    struct aq_role row;
    AQ_CLEANUP_ARENA struct aq_arena arena = {0};
    const struct state_key key = state_key_name(role);
    BENCH_MUST(state_write(state, &txn, &error) == 0);
    BENCH_MUST(state_role(txn, role, &row, &arena));
    row.description = "changed";
    state_store(txn, &aq_entity_role, &key, &row);
    const double us = find_in(txn, role, 0, false);
    state_end(txn);
    return us;
}

int main(void)
{
    char directory[BENCH_PATH_SIZE];
    struct bench_rounds decided = {0}, in_project = {0}, found = {0}, batch = {0}, limited = {0}, built_in = {0},
                        member = {0}, most = {0}, one = {0};
    fill_memberships();
    test_make_directory(directory, sizeof directory, "/tmp", "aquarium-bench");
    struct state *state = make_tables(directory);
    const struct aq_rights rights = aq_rights_of(&(struct aq_list){(void *)patterns, PATTERNS});
    const struct aq_user user = {.name = "ann", .number = 7, .role = "wide"};
    const struct aq_caller caller = aq_caller_of_user(&user, &rights);
    const struct aq_permission *permission = aq_permission_of(&aq_entity_application, "read");
    for (int i = 0; i < ROUNDS; i++) {
        bench_round(&decided, decide(&caller, permission));
        bench_round(&in_project, decide_in_project(state));
        bench_round(&found, find(state, "wide", 0, false));
        bench_round(&batch, find_in_batch(state, "wide"));
        bench_round(&limited, find(state, AQ_ROLE_USER, 0, true));
        bench_round(&built_in, find(state, AQ_ROLE_USER, 0, false));
        bench_round(&member, find(state, AQ_ROLE_MEMBER, 3, false));
        bench_round(&most, find(state, AQ_ROLE_MEMBER, AQ_MEMBERSHIPS_OF_USER_MAX, false));
        bench_round(&one, 1);
    }
    bench_ratio("deciding a right about a row", "us", &decided, &one, BENCH_AT_MOST, 1);
    bench_ratio("deciding a right about a row of a project", "us", &in_project, &one, BENCH_AT_MOST, 1);
    bench_ratio("what a member of three projects may do", "us", &member, &one, BENCH_AT_MOST, 5);
    bench_ratio("what a member of 64 projects may do", "us", &most, &one, BENCH_AT_MOST, 50);
    bench_ratio("what a caller with a built-in role may do", "us", &built_in, &one, BENCH_AT_MOST, 1);
    bench_ratio("what a caller with a role of 64 patterns may do", "us", &found, &one, BENCH_AT_MOST, 1);
    bench_ratio("the same in the batch that has changed the role", "us", &batch, &one, BENCH_AT_MOST, 1);
    bench_ratio("what a token with 64 patterns may do", "us", &limited, &one, BENCH_AT_MOST, 1);
    state_close(state);
    test_remove_tree(directory);
    return 0;
}

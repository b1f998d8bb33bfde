/* A real log with every kind of event, damaged or forged. Input: a byte, then
 *
 *   'd'  damage: triples of (entry, place in it, bits to flip). The log is replayed into new tables. Damaged entries
 * are refused before they are projected, except the last one, whose hash no other entry contains. 'f'  a forgery: a
 * line with the name of an event, then its packed record. It is put into a valid entry after the log, and projected. It
 * may fail an assertion, because the log is trusted, but may do nothing worse. else an entry: it is decoded with all
 * its events.
 *
 * The log is below TMPDIR, which should be on a fast disk. */
#include "controller/log/replay.h"
#include "controller/project/project.h"
#include "controller/state/applied.h"
#include "schema/model/application.h"
#include "schema/model/label.h"
#include "schema/model/resource.h"
#include "tests/lib/cluster.h"
#include "tests/lib/fuzz.h"

#include <setjmp.h>
#include <signal.h>
#include <sodium.h>
#include <sys/stat.h>

enum { ENTRIES_MAX = 64, MAP_BYTES = 64 << 20 };

struct kept {
    unsigned char *bytes;
    size_t length;
    uint64_t first_seq;
};

static struct kept history[ENTRIES_MAX];
static unsigned history_count;
static struct state *base; /* the history without its last entry; never changed */
static char place[256];    /* directory; run.sh removes it */

/* ---- a history ---------------------------------------------------------------------------------------------- */

static int keep_entry(void *context, const struct log_entry *entry, struct aq_error *error)
{
    struct aq_arena arena = {0};
    struct aq_entry decoded;
    (void)context;
    if (entry->type != 1)
        return 0;
    fuzz_must(history_count < ENTRIES_MAX);
    fuzz_must(aq_entry_unpack(&decoded, entry->data, entry->size, &arena, error) == 0);
    struct kept *kept = &history[history_count++];
    *kept = (struct kept){aq_malloc(entry->size), entry->size, decoded.first_seq};
    memcpy(kept->bytes, entry->data, entry->size);
    aq_arena_free(&arena);
    return 0;
}

static void ask(struct test_cluster *cluster, const struct aq_command *command, const void *record)
{
    struct aq_error error = {0};
    fuzz_must(test_ask(cluster, command, record, "admin", NULL, &error) > 0);
}

/* One application that runs and ends, one that fails, one that waits; users, labels and nodes are created and deleted.
 */
static void live(struct test_cluster *cluster)
{
    test_make_user(cluster, "admin", AQ_ROLE_ADMIN);
    test_make_user(cluster, "ann", AQ_ROLE_USER);
    test_make_label(cluster, "mac");
    test_make_label(cluster, "mac");
    test_make_node(cluster, "n1", 1);
    struct aq_application_create create = {.project = "", .label = "mac", .metadata = "{\"a\":1}"};
    ask(cluster, &aq_command_application_create, &create);
    ask(cluster, &aq_command_application_create, &create);
    ask(cluster, &aq_command_resource_start,
        &(struct aq_resource_start){1, "n1", "w1", "10.0.0.1", "02:00:00:00:00:01"});
    ask(cluster, &aq_command_application_deallocate, &(struct aq_application_deallocate){1});
    ask(cluster, &aq_command_resource_end, &(struct aq_resource_end){1, "n1", 0, "done"});
    ask(cluster, &aq_command_application_place, &(struct aq_application_place){2});
    ask(cluster, &aq_command_resource_fail, &(struct aq_resource_fail){2, "n1", "no"});
    ask(cluster, &aq_command_node_maintenance, &(struct aq_node_maintenance){"n1", true});
    ask(cluster, &aq_command_node_lose, &(struct aq_node_lose){"n1"});
    ask(cluster, &aq_command_user_update, &(struct aq_user_update){"ann", AQ_ROLE_USER, 7});
    ask(cluster, &aq_command_label_delete, &(struct aq_label_delete){2});
    test_make_node(cluster, "n2", 4);
    ask(cluster, &aq_command_application_create, &create);
    ask(cluster, &aq_command_user_delete, &(struct aq_user_delete){"ann"});
}

static void make_history(void)
{
    struct test_cluster cluster;
    struct aq_error error = {0};
    test_cluster_new(&cluster);
    test_cluster_start(&cluster);
    live(&cluster);
    fuzz_must(log_store_read(cluster.store, 1, UINT64_MAX, keep_entry, NULL, &error) == 0);
    test_cluster_free(&cluster);
}

static void make_base(void)
{
    struct aq_error error = {0};
    struct aq_arena arena = {0};
    struct project project = {.arena = &arena};
    fuzz_must(state_open(&base, place, STATE_WRITE, MAP_BYTES, &error) == 0);
    fuzz_must(state_write(base, &project.txn, &error) == 0);
    for (unsigned i = 0; i + 1 < history_count; i++)
        fuzz_must(project_entry(&project, i + 1, history[i].bytes, history[i].length, &error) == 0);
    fuzz_must(state_commit(project.txn, &error) == 0);
    aq_arena_free(&arena);
}

static void begin(void)
{
    const char *where = getenv("TMPDIR");
    fuzz_must(sodium_init() >= 0);
    test_make_directory(place, sizeof place, where != NULL ? where : "/tmp", "aquarium-fuzz");
    make_history();
    make_base();
    test_remove_tree(place); /* open files stay usable, and nothing is left behind */
}

/* ---- damage ------------------------------------------------------------------------------------------------- */

/* Returns the first damaged entry; history_count: none. */
static unsigned damage(struct fuzz_input *in, struct kept *copies)
{
    unsigned first = history_count;
    for (unsigned i = 0; i < history_count; i++) {
        copies[i] = history[i];
        copies[i].bytes = aq_malloc(history[i].length);
        memcpy(copies[i].bytes, history[i].bytes, history[i].length);
    }
    while (in->size >= 4) {
        unsigned entry = (unsigned)fuzz_take(in, 1) % history_count;
        size_t at = (size_t)fuzz_take(in, 2) % copies[entry].length;
        copies[entry].bytes[at] ^= (unsigned char)fuzz_take(in, 1);
    }
    for (unsigned i = history_count; i-- > 0;)
        if (memcmp(copies[i].bytes, history[i].bytes, history[i].length) != 0)
            first = i;
    return first;
}

static uint64_t replay_copies(const struct kept *copies, struct aq_error *error)
{
    struct log_entry entries[ENTRIES_MAX];
    struct log_store *store;
    struct state *state;
    struct state_txn *txn;
    fuzz_must(mkdir(place, 0700) == 0 && log_store_open(&store, place, MAP_BYTES, error) == 0);
    for (unsigned i = 0; i < history_count; i++)
        entries[i] = (struct log_entry){i + 1, 1, 1, copies[i].bytes, (uint32_t)copies[i].length, history[i].first_seq};
    fuzz_must(log_store_append(store, entries, history_count, history_count, NULL, error) == 0);
    fuzz_must(state_open(&state, place, STATE_WRITE, MAP_BYTES, error) == 0);
    int status = replay(store, state, NULL, history_count, error);
    fuzz_check_error(status, error);
    struct aq_error ignored = {0};
    fuzz_must(state_read(state, &txn, &ignored) == 0);
    uint64_t seq = state_seq(txn);
    state_end(txn);
    state_close(state);
    log_store_close(store);
    test_remove_tree(place);
    return seq;
}

static void try_damage(struct fuzz_input *in)
{
    struct kept copies[ENTRIES_MAX];
    struct aq_error error = {0};
    unsigned first = damage(in, copies);
    if (first + 1 < history_count) {
        fuzz_must(replay_copies(copies, &error) == 0);
        fuzz_must(error.code == AQ_E_CORRUPT && strstr(error.message, "log entry") != NULL);
    }
    for (unsigned i = 0; i < history_count; i++)
        free(copies[i].bytes);
}

/* ---- forgery ------------------------------------------------------------------------------------------------ */

static sigjmp_buf asserted;

static void on_abort(int number)
{
    (void)number;
    siglongjmp(asserted, 1);
}

/* Projects the entry and rolls back. A failed assertion ends the projection silently. */
static void project_and_undo(const struct aq_buffer *packed)
{
    static struct aq_arena arena;
    static struct project project;
    static FILE *silence, *loud;
    static struct sigaction old;
    struct sigaction action = {.sa_handler = on_abort, .sa_flags = SA_NODEFER};
    struct aq_error error = {0};
    if (silence == NULL)
        silence = fopen("/dev/null", "we");
    project = (struct project){.arena = &arena};
    fuzz_must(state_write(base, &project.txn, &error) == 0);
    loud = stderr;
    sigaction(SIGABRT, &action, &old);
    if (sigsetjmp(asserted, 1) == 0) {
        stderr = silence;
        int status = project_entry(&project, history_count, packed->data, packed->length, &error);
        stderr = loud;
        fuzz_check_error(status, &error);
    }
    stderr = loud;
    sigaction(SIGABRT, &old, NULL);
    state_end(project.txn);
    aq_arena_reset(&arena);
}

static void forge(struct fuzz_input *in)
{
    struct aq_error error = {0};
    struct aq_buffer packed = {0};
    struct state_txn *txn;
    char name[64];
    const struct aq_event_type *type = NULL;
    fuzz_take_line(in, name, sizeof name);
    for (size_t i = 0; (type = aq_event_type_at(i)) != NULL && strcmp(type->record->name, name) != 0; i++)
        ;
    if (type == NULL)
        return;
    fuzz_must(state_read(base, &txn, &error) == 0);
    struct state_applied at = state_applied_get(txn);
    state_end(txn);
    struct aq_logged_event event = {type->code, type->record->version, {in->data, in->size}};
    struct aq_logged_decision decision = {.author = "admin", .command = 1, .key = "", .id = "1", .events = {&event, 1}};
    struct aq_entry entry = {.format = AQ_ENTRY_FORMAT,
                             .previous = {at.hash, AQ_HASH_SIZE},
                             .time = at.time_ms + 1,
                             .first_seq = at.seq + 1,
                             .decisions = {&decision, 1}};
    aq_entry_pack(&entry, &packed);
    project_and_undo(&packed);
    aq_buffer_free(&packed);
}

/* ---- any bytes ---------------------------------------------------------------------------------------------- */

static void decode(const struct fuzz_input *in)
{
    struct aq_arena arena = {0};
    struct aq_error error = {0};
    struct aq_entry entry;
    char *bytes = fuzz_rest(in, false);
    int status = aq_entry_unpack(&entry, bytes, in->size, &arena, &error);
    fuzz_check_error(status, &error);
    for (uint32_t d = 0; status == 0 && d < entry.decisions.count; d++) {
        const struct aq_logged_decision *decision = AQ_ITEM(entry.decisions, struct aq_logged_decision, d);
        for (uint32_t e = 0; e < decision->events.count; e++) {
            struct aq_event event = {.seq = e, .time_ms = entry.time, .author = decision->author};
            struct aq_buffer json = {0};
            error = (struct aq_error){0};
            int failed = aq_event_unpack(AQ_ITEM(decision->events, struct aq_logged_event, e), &event, &arena, &error);
            fuzz_check_error(failed, &error);
            if (failed == 0)
                aq_event_to_json(&event, &json);
            aq_buffer_free(&json);
        }
    }
    free(bytes);
    aq_arena_free(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    if (base == NULL)
        begin();
    switch ((char)fuzz_take(&in, 1)) {
    case 'd':
        try_damage(&in);
        break;
    case 'f':
        forge(&in);
        break;
    default:
        decode(&in);
    }
    return 0;
}

/* Simulates power cuts: what was not synced is lost, in any combination.
 *
 * The calls of real code to its files are recorded (record.h). For moments of the record, what the disk may have then
 * is made (lostdisk.h), and another process, as after a restart of the machine, must find everything that was
 * acknowledged. Done in two ways:
 *
 * - to the log store alone, with each call and, where few pages are at stake, each set of them (loststore.h);
 * - to a log, tables and a writer, at moments that are drawn.
 *
 *   lostwrites [--seed N] [--lives N]      prints "ok" and "not ok" lines; each life has the seed after the last */
#include "controller/lmdb/marks.h"
#include "controller/log/replay.h"
#include "schema/base/files.h"
#include "schema/base/journal.h"
#include "schema/codec/check.h"
#include "schema/codec/preset.h"
#include "schema/model/application.h"
#include "tests/lib/chance.h"
#include "tests/lib/cluster.h"
#include "tests/torture/lostdisk.h"
#include "tests/torture/loststore.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>

enum {
    PATH_SIZE = 256,
    SYNCS = 400,   /* of the recorded cluster */
    SYNC_OF = 12,  /* in one of so many syncs the power is cut, */
    CALL_OF = 120, /* and in one of so many other calls */
};

static struct {
    uint64_t seed;
    unsigned cuts, broken, rebuilt;
} cluster_totals;

/* ---- a start after a power cut ------------------------------------------------------------------------ */

/* Tables that were open are those of an earlier boot. */
static void age_tables(const char *directory)
{
    char path[PATH_SIZE], mark[LMDB_BOOT_SIZE], boot[LMDB_BOOT_SIZE];
    struct aq_error error = {0};
    snprintf(path, sizeof path, "%s/state/current/" LMDB_MARK_BOOT, directory);
    test_must(lmdb_boot_id(boot, &error), &error);
    if (aq_file_read_text(AT_FDCWD, path, mark, sizeof mark) < 0 || strcmp(mark, boot) != 0)
        return;
    *strrchr(path, '/') = '\0';
    test_must(lmdb_mark_open(path, "an earlier boot", &error), &error);
}

/* In a child. Returns 0 when everything is there, 1 when it is there after a rebuild of the tables, 2 otherwise. */
static int start_again(const char *directory, uint64_t acknowledged_seq)
{
    struct test_cluster cluster = {0};
    struct aq_error error = {0};
    struct aq_buffer report = {0};
    struct state_txn *txn;
    char before[64] = "", after[64] = "", link[PATH_SIZE];
    snprintf(cluster.directory, sizeof cluster.directory, "%s", directory);
    aq_journal_open("lostwrites", AQ_ERROR);
    aq_record_init(&aq_config_controller_record, &cluster.config, &cluster.arena);
    cluster.config.data = cluster.directory;
    age_tables(directory);
    snprintf(link, sizeof link, "%s/state/current", directory);
    (void)!readlink(link, before, sizeof before - 1);
    test_cluster_open(&cluster, false);
    (void)!readlink(link, after, sizeof after - 1);
    test_cluster_start(&cluster);
    test_must(state_read(cluster.state, &txn, &error), &error);
    uint64_t seq = state_seq(txn);
    state_end(txn);
    if (seq < acknowledged_seq) {
        printf("# seq %" PRIu64 " was acknowledged, but the log ends at %" PRIu64 "\n", acknowledged_seq, seq);
        return 2;
    }
    if (replay_verify(cluster.store, cluster.state, cluster.directory, 256 << 20, &report, &error) != 0) {
        printf("# %s\n", error.message);
        return 2;
    }
    return strcmp(before, after) != 0;
}

static void cut_power(const struct lostdisk *disk, const char *directory, size_t call)
{
    int status = 0;
    struct lostdisk_choice choice = lostdisk_choose(disk);
    lostdisk_draw(disk, &choice);
    lostdisk_make(disk, &choice, directory);
    lostdisk_choice_free(&choice);
    cluster_totals.cuts++;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(60);
        int outcome = start_again(directory, disk->mark);
        fflush(stdout);
        _exit(outcome);
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    bool good = WIFEXITED(status) && WEXITSTATUS(status) <= 1;
    cluster_totals.rebuilt += good && WEXITSTATUS(status) == 1;
    if (!good && cluster_totals.broken++ == 0)
        printf("seed %" PRIu64 " breaks \"what was acknowledged is there after a power cut\": a cluster, cut in call "
               "%zu, with seq %" PRIu64 " acknowledged: status %#x\n",
               cluster_totals.seed, call, disk->mark, (unsigned)status);
    test_remove_tree(directory);
}

/* ---- a cluster ---------------------------------------------------------------------------------------- */

static void work(struct test_cluster *cluster)
{
    struct aq_error error = {0};
    char id[65];
    test_make_user(cluster, "admin", AQ_ROLE_ADMIN);
    test_make_label(cluster, "mac");
    for (unsigned i = 1; i <= 8; i++) {
        char name[16];
        snprintf(name, sizeof name, "node-%u", i);
        test_make_node(cluster, name, 64);
    }
    for (unsigned i = 0; record_syncs() < SYNCS; i++) {
        struct aq_application_create create = {.project = "", .label = "mac", .metadata = "{}"};
        struct aq_application_deallocate back = {.id = 1 + draw(i / 2 + 1)};
        uint64_t seq = draw(4) > 0 ? test_ask(cluster, &aq_command_application_create, &create, "admin", id, &error)
                                   : test_ask(cluster, &aq_command_application_deallocate, &back, "admin", id, &error);
        if (seq != 0)
            record_mark(seq);
    }
}

static struct record record_cluster(const char *directory)
{
    struct test_cluster cluster = {0};
    snprintf(cluster.directory, sizeof cluster.directory, "%s", directory);
    aq_record_init(&aq_config_controller_record, &cluster.config, &cluster.arena);
    cluster.config.data = cluster.directory;
    record_begin(directory);
    test_cluster_open(&cluster, false);
    test_cluster_start(&cluster);
    work(&cluster);
    test_cluster_close(&cluster);
    aq_arena_free(&cluster.arena);
    return record_end();
}

static void live_cluster(uint64_t seed, const char *directory)
{
    char root[PATH_SIZE], found[PATH_SIZE];
    struct lostdisk disk;
    snprintf(root, sizeof root, "%s/recorded", directory);
    snprintf(found, sizeof found, "%s/found", directory);
    aq_assert(mkdir(root, 0700) == 0);
    cluster_totals.seed = seed;
    draw_from(seed);
    struct record record = record_cluster(root);
    lostdisk_open(&disk, record.files);
    for (size_t i = 0; i < record.count && cluster_totals.broken == 0; i++) {
        uint64_t of = record.calls[i].kind == RECORD_SYNC ? SYNC_OF : CALL_OF;
        lostdisk_begin(&disk, &record.calls[i]);
        if (draw(of) == 0)
            cut_power(&disk, found, i);
        lostdisk_end(&disk, &record.calls[i]);
        if (draw(of) == 0)
            cut_power(&disk, found, i);
    }
    aq_assert(cluster_totals.broken > 0 || lostdisk_equals(&disk, root));
    lostdisk_close(&disk);
    record_free(&record);
    test_remove_tree(root);
}

/* ---- the program -------------------------------------------------------------------------------------- */

static bool parse_options(int argc, char **argv, uint64_t *seed, unsigned *lives)
{
    static const struct option options[] = {
        {"seed", required_argument, NULL, 's'}, {"lives", required_argument, NULL, 'l'}, {0}};
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        if (option == 's')
            *seed = strtoull(optarg, NULL, 10);
        else if (option == 'l')
            *lives = (unsigned)strtoul(optarg, NULL, 10);
        else
            return false;
    return optind == argc;
}

static bool report(const struct loststore_totals *store, unsigned lives)
{
    bool good = store->broken == 0 && store->images > 0;
    bool whole = cluster_totals.broken == 0 && cluster_totals.cuts > 0;
    printf("%s a log was cut in %" PRIu64 " calls, and opened from %" PRIu64 " images of the disk\n",
           good ? "ok" : "not ok", store->calls, store->images);
    printf("%s a cluster was cut %u times\n", whole ? "ok" : "not ok", cluster_totals.cuts);
    printf("%s its tables were rebuilt %u times\n", cluster_totals.rebuilt > 0 ? "ok" : "not ok",
           cluster_totals.rebuilt);
    printf("%u of %u lives broke something\n", store->broken + cluster_totals.broken > 0, lives);
    return good && whole && cluster_totals.rebuilt > 0;
}

int main(int argc, char **argv)
{
    char directory[64];
    uint64_t seed = 0;
    unsigned lives = 1, lived = 0;
    struct loststore_totals store = {0};
    if (getrandom(&seed, 4, 0) != 4 || sodium_init() < 0 || !parse_options(argc, argv, &seed, &lives))
        return 2;
    printf("# seed %" PRIu64 "\n", seed);
    aq_journal_open("lostwrites", AQ_ERROR);
    test_make_directory(directory, sizeof directory, "/dev/shm", "aquarium-lost");
    for (; lived < lives && store.broken + cluster_totals.broken == 0; lived++) {
        loststore_live(seed + lived, directory, &store);
        if (store.broken == 0)
            live_cluster(seed + lived, directory);
    }
    test_remove_tree(directory);
    return report(&store, lived) ? 0 : 1;
}

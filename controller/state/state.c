#include "controller/state/state.h"

#include "controller/lmdb/boot.h"
#include "controller/lmdb/guard.h"
#include "controller/lmdb/pages.h"
#include "controller/state/store.h"
#include "schema/base/journal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    PATH_SIZE = 1200,
    ROOM_FOR_COMMIT_BYTES = 1 << 20, /* the list of pages that a transaction gives free, and some */
    ROOM_SURE_BYTES = 256 << 20,     /* more than any transaction of ours takes */
    FIRST_MAP_BYTES = 1 << 30,       /* so that a quarter of it is room for any */
};

static int make_directory(const char *path, struct aq_error *error)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return aq_fail_errno(error, errno, "cannot make directory %s", path);
    return 0;
}

/* ---- one generation ----------------------------------------------------------------------------------- */

static void env_release(struct store_env *env)
{
    if (env != NULL && atomic_fetch_sub(&env->users, 1) == 1) {
        mdb_env_close(env->env);
        store_map_destroy(&env->map);
        free(env);
    }
}

/* All tables are made by the first transaction. Where there was one already, a table that is not found is damage, or of
 * another version: to go on with an empty one would be to serve what is not so. */
static int open_tables(struct store_env *env, enum state_mode mode)
{
    MDB_txn *txn;
    MDB_envinfo info;
    mdb_env_info(env->env, &info);
    unsigned flags = mode == STATE_WRITE && info.me_last_txnid == 0 ? MDB_CREATE : 0;
    int code = mdb_txn_begin(env->env, NULL, mode == STATE_WRITE ? 0 : MDB_RDONLY, &txn);
    if (code != 0)
        return code;
    const struct aq_entity *entity;
    for (size_t i = 0; code == 0 && (entity = aq_entity_at(i)) != NULL; i++) {
        aq_assert(i < STORE_ENTITIES_MAX);
        code = mdb_dbi_open(txn, entity->plural, flags, &env->entities[i]);
    }
    for (int i = 0; code == 0 && i < INDEX_COUNT; i++)
        code = mdb_dbi_open(txn, store_index_name((enum state_index)i), flags, &env->indexes[i]);
    if (code != 0) {
        mdb_txn_abort(txn);
        return code;
    }
    return mdb_txn_commit(txn);
}

/* Another process has to wait until the controller has found them good, or has made others: it does so at its start. */
static int may_read(const char *path, struct aq_error *error)
{
    char boot[BOOT_SIZE];
    if (boot_read(boot, error) != 0 || guard_check(path, error) != 0)
        return -1;
    if (boot_is_whole(path, boot))
        return 0;
    return aq_fail(error, AQ_E_BUSY,
                   "the tables at %s may be spoiled: the controller has not looked at them since the "
                   "machine started",
                   path);
}

static int env_open(struct store_env **out, const struct state *state, const char *name, struct aq_error *error)
{
    char path[PATH_SIZE];
    bool writes = state->mode == STATE_WRITE;
    snprintf(path, sizeof path, "%s/%s", state->directory, name);
    if (writes ? make_directory(path, error) != 0 : may_read(path, error) != 0)
        return -1;
    static atomic_uint_fast64_t opened;
    struct store_env *env = aq_calloc(1, sizeof *env);
    snprintf(env->name, sizeof env->name, "%s", name);
    env->number = atomic_fetch_add(&opened, 1) + 1;
    atomic_init(&env->users, 1);
    int code = mdb_env_create(&env->env);
    if (code == 0)
        guard_environment(env->env);
    if (code == 0)
        code = mdb_env_set_maxdbs(env->env, STORE_ENTITIES_MAX + INDEX_COUNT);
    if (code == 0)
        code = mdb_env_set_maxreaders(env->env, STORE_READERS_MAX);
    if (code == 0 && writes)
        code = mdb_env_set_mapsize(env->env, state->map_bytes < FIRST_MAP_BYTES ? state->map_bytes : FIRST_MAP_BYTES);
    if (code == 0)
        code = mdb_env_open(env->env, path, MDB_NOTLS | (writes ? MDB_NOSYNC : MDB_RDONLY), 0600);
    store_map_init(&env->map, env->env, state->map_bytes);
    if (code == 0 && writes)
        store_map_grow(&env->map, false);
    if (code == 0)
        code = open_tables(env, state->mode);
    if (code == 0) {
        *out = env;
        return 0;
    }
    env_release(env);
    return store_fail(error, code, path);
}

/* ---- generations -------------------------------------------------------------------------------------- */

static int current_name(const struct state *state, char *name, size_t size, struct aq_error *error)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/current", state->directory);
    ssize_t length = readlink(path, name, size - 1);
    if (length < 0)
        return aq_fail_errno(error, errno, "no tables at %s", path);
    name[length] = '\0';
    if (strchr(name, '/') != NULL || name[0] != 'g')
        return aq_fail(error, AQ_E_CORRUPT, "%s leads to %s, which is no generation of the tables", path, name);
    return 0;
}

/* Calls `visit` with the name of each generation that stands below the directory. */
static void each_generation(const struct state *state, void (*visit)(void *context, const char *name), void *context)
{
    DIR *directory = opendir(state->directory);
    if (directory == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;)
        if (entry->d_name[0] == 'g' && strlen(entry->d_name) < 20)
            visit(context, entry->d_name);
    closedir(directory);
}

static void note_highest(void *context, const char *name)
{
    unsigned long number = strtoul(name + 1, NULL, 10);
    if (number > *(unsigned long *)context)
        *(unsigned long *)context = number;
}

static void remove_generation(const struct state *state, const char *name)
{
    static const char *const files[] = {"/data.mdb",           "/lock.mdb",    "/" BOOT_FILE,
                                        "/" BOOT_FILE ".next", "/" GUARD_MARK, ""};
    for (size_t i = 0; i < AQ_LENGTH(files); i++) {
        char path[PATH_SIZE];
        snprintf(path, sizeof path, "%s/%s%s", state->directory, name, files[i]);
        if (remove(path) != 0 && errno != ENOENT)
            aq_journal(AQ_WARN, "old tables stay behind", "path", path, "error", strerror(errno), NULL);
    }
}

static void remove_other(void *context, const char *name)
{
    const struct state *state = context;
    if (strcmp(name, state->env->name) != 0)
        remove_generation(state, name);
}

static struct state *state_new(const char *directory, enum state_mode mode, uint64_t map_bytes)
{
    struct state *state = aq_calloc(1, sizeof *state);
    state->directory = aq_malloc(strlen(directory) + sizeof "/state");
    sprintf(state->directory, "%s/state", directory);
    state->mode = mode;
    state->map_bytes = map_bytes;
    pthread_mutex_init(&state->lock, NULL);
    return state;
}

int state_open(struct state **out, const char *directory, enum state_mode mode, uint64_t map_bytes,
               struct aq_error *error)
{
    char name[32];
    struct state *state = state_new(directory, mode, map_bytes);
    struct aq_error missing = {0};
    int failed = current_name(state, name, sizeof name, &missing);
    if (failed && mode == STATE_WRITE && missing.code == AQ_E_NOT_FOUND) {
        state_close(state);
        if (state_open_fresh(out, directory, map_bytes, error) != 0)
            return -1;
        if (state_publish(*out, error) == 0)
            return 0;
        state_close(*out);
        return -1;
    }
    if (failed)
        *error = missing;
    if (failed || env_open(&state->env, state, name, error) != 0) {
        state_close(state);
        return -1;
    }
    if (mode == STATE_WRITE) /* what a process left behind that ended while it made others */
        each_generation(state, remove_other, state);
    *out = state;
    return 0;
}

int state_open_fresh(struct state **out, const char *directory, uint64_t map_bytes, struct aq_error *error)
{
    struct state *state = state_new(directory, STATE_WRITE, map_bytes);
    unsigned long highest = 0;
    char name[32];
    int failed = make_directory(state->directory, error);
    each_generation(state, note_highest, &highest);
    snprintf(name, sizeof name, "g%lu", highest + 1);
    if (failed || env_open(&state->env, state, name, error) != 0) {
        state_close(state);
        return -1;
    }
    *out = state;
    return 0;
}

int state_publish(struct state *state, struct aq_error *error)
{
    char link[PATH_SIZE], next[PATH_SIZE];
    snprintf(link, sizeof link, "%s/current", state->directory);
    snprintf(next, sizeof next, "%s/next", state->directory);
    if (unlink(next) != 0 && errno != ENOENT)
        return aq_fail_errno(error, errno, "cannot remove %s", next);
    if (symlink(state->env->name, next) != 0)
        return aq_fail_errno(error, errno, "cannot make %s", next);
    if (rename(next, link) != 0)
        return aq_fail_errno(error, errno, "cannot replace %s", link);
    each_generation(state, remove_other, state);
    return 0;
}

void state_close(struct state *state)
{
    if (state == NULL)
        return;
    env_release(state->env);
    pthread_mutex_destroy(&state->lock);
    free(state->directory);
    free(state);
}

void state_discard(struct state *state)
{
    struct store_env *env = state->env;
    char name[32];
    snprintf(name, sizeof name, "%s", env->name);
    state->env = NULL;
    env_release(env);
    remove_generation(state, name);
    state_close(state);
}

/* ---- transactions ------------------------------------------------------------------------------------- */

/* Under the lock. A generation is known by its file: a name may come again, when all of state/ was removed. */
static bool has_moved(struct state *state)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/current", state->directory);
    return state->mode == STATE_READ && store_time_to_look(&state->looked_ms) && store_is_other(state->env->env, path);
}

/* The generation to read; a reader process moves over when the link leads to another. Released by the caller. */
static struct store_env *env_acquire(struct state *state)
{
    pthread_mutex_lock(&state->lock);
    char name[32];
    struct aq_error ignored = {0};
    if (has_moved(state) && current_name(state, name, sizeof name, &ignored) == 0) {
        struct store_env *moved;
        if (env_open(&moved, state, name, &ignored) == 0) {
            env_release(state->env);
            state->env = moved;
        }
    }
    struct store_env *env = state->env;
    atomic_fetch_add(&env->users, 1);
    pthread_mutex_unlock(&state->lock);
    return env;
}

static int begin(struct state *state, struct state_txn *outer, unsigned flags, struct state_txn **out,
                 struct aq_error *error)
{
    struct store_env *env = env_acquire(state);
    MDB_txn *inner;
    bool reads = flags & MDB_RDONLY;
    if (!reads && outer == NULL)
        store_map_grow(&env->map, false);
    int code =
        reads ? store_map_read(&env->map, &inner) : mdb_txn_begin(env->env, outer ? outer->txn : NULL, flags, &inner);
    if (code == MDB_READERS_FULL) { /* places of readers that died are given back */
        int dead;
        mdb_reader_check(env->env, &dead);
        code = store_map_read(&env->map, &inner);
    }
    if (code != 0) {
        env_release(env);
        return store_fail(error, code, "beginning a transaction");
    }
    struct state_txn *txn = aq_calloc(1, sizeof *txn);
    *txn = (struct state_txn){.state = state, .env = env, .txn = inner, .outer = outer, .reads = reads};
    if (!reads)
        txn->rows = row_cache_new();
    *out = txn;
    return 0;
}

int state_read(struct state *state, struct state_txn **txn, struct aq_error *error)
{
    return begin(state, NULL, MDB_RDONLY, txn, error);
}

int state_write(struct state *state, struct state_txn **txn, struct aq_error *error)
{
    aq_assert(state->mode == STATE_WRITE);
    return begin(state, NULL, 0, txn, error);
}

int state_nested(struct state_txn *outer, struct state_txn **txn, struct aq_error *error)
{
    state_flush(outer); /* the inner one reads what the outer one wrote */
    if (state_failed(outer, error))
        return -1;
    return begin(outer->state, outer, 0, txn, error);
}

static void finish(struct state_txn *txn)
{
    if (txn->reads)
        store_map_done(&txn->env->map);
    env_release(txn->env);
    row_cache_free(txn->rows);
    free(txn);
}

void state_end(struct state_txn *txn)
{
    if (txn == NULL)
        return;
    mdb_txn_abort(txn->txn);
    finish(txn);
}

int state_commit(struct state_txn *txn, struct aq_error *error)
{
    state_flush(txn);
    if (state_failed(txn, error)) {
        state_end(txn);
        return -1;
    }
    int code = store_map_write_code(&txn->env->map, mdb_txn_commit(txn->txn));
    if (txn->outer != NULL)
        row_cache_forget(txn->outer->rows); /* the inner one wrote over what it has */
    finish(txn);
    return code == 0 ? 0 : store_fail(error, code, "committing to the tables");
}

/* Far from its end, the map has room for any commit. Near it, a nested transaction tries to get that room, and gives it
 * back. */
int state_check_room(struct state_txn *txn, struct aq_error *error)
{
    static const char what[] = "keeping room for a commit";
    MDB_envinfo info;
    MDB_stat stat;
    MDB_txn *inner;
    state_flush(txn);
    if (state_failed(txn, error))
        return -1;
    mdb_env_info(txn->env->env, &info);
    mdb_env_stat(txn->env->env, &stat);
    if (info.me_mapsize - (info.me_last_pgno + 1) * stat.ms_psize > ROOM_SURE_BYTES)
        return 0;
    int code = mdb_txn_begin(txn->env->env, txn->txn, 0, &inner);
    if (code != 0)
        return store_fail(error, code, what);
    MDB_val key = {sizeof what, (void *)what}, value = {ROOM_FOR_COMMIT_BYTES, NULL};
    code = mdb_put(inner, txn->env->indexes[INDEX_META], &key, &value, MDB_RESERVE);
    mdb_txn_abort(inner);
    return code == 0 ? 0 : store_fail(error, code, what);
}

bool state_failed(const struct state_txn *txn, struct aq_error *error)
{
    if (txn->error.code == AQ_OK)
        return false;
    *error = txn->error;
    return true;
}

struct state_version state_version(const struct state_txn *txn)
{
    return (struct state_version){.generation = txn->env->number, .change = mdb_txn_id(txn->txn)};
}

/* ---- can they be believed? ---------------------------------------------------------------------------- */

static uint64_t layout_number(void)
{
    uint64_t layout = STATE_LAYOUT;
    const struct aq_entity *entity;
    for (size_t i = 0; (entity = aq_entity_at(i)) != NULL; i++)
        layout = layout * 0x100000001b3 ^ aq_record_fingerprint(entity->record);
    return layout * 0x100000001b3 ^ aq_record_fingerprint(&aq_ballot_record);
}

static struct state_key layout_key(void)
{
    struct state_key key = {0};
    index_key_text(&key, "layout");
    return key;
}

static void generation_path(const struct state *state, const char *name, char path[PATH_SIZE])
{
    snprintf(path, PATH_SIZE, "%s/%s", state->directory, name);
}

bool state_is_whole(const char *directory, const char *boot, struct aq_error *why)
{
    struct state *state = state_new(directory, STATE_READ, 0);
    char name[32], path[PATH_SIZE];
    struct aq_error missing = {0};
    bool found = current_name(state, name, sizeof name, &missing) == 0, whole = false;
    if (found) {
        generation_path(state, name, path);
        if (!boot_is_whole(path, boot))
            (void)aq_fail(why, AQ_E_CORRUPT, "the machine stopped while they were open");
        else
            whole = guard_check(path, why) == 0 && pages_check(path, PAGES_AT_START, why) == 0;
    } else {
        *why = missing;
    }
    state_close(state);
    return whole;
}

bool state_is_good(struct state *state, struct aq_error *why)
{
    struct state_txn *txn;
    if (state_read(state, &txn, why) != 0)
        return false;
    const void *value;
    size_t length;
    uint64_t layout = 0;
    struct state_key key = layout_key();
    bool good = false;
    if (index_get(txn, INDEX_META, &key, &value, &length) && length == sizeof layout)
        memcpy(&layout, value, sizeof layout);
    if (layout == 0)
        (void)aq_fail(why, AQ_E_CORRUPT, "there are none yet");
    else if (layout != layout_number())
        (void)aq_fail(why, AQ_E_CORRUPT, "their layout is of another version");
    else
        good = !state_failed(txn, why);
    state_end(txn);
    return good;
}

int state_check_pages(struct state *state, struct aq_error *error)
{
    struct store_env *env = env_acquire(state);
    int status = store_map_check(&env->map, error);
    env_release(env);
    return status;
}

int state_mark_layout(struct state *state, struct aq_error *error)
{
    struct state_txn *txn;
    if (state_write(state, &txn, error) != 0)
        return -1;
    uint64_t layout = layout_number();
    struct state_key key = layout_key();
    index_put(txn, INDEX_META, &key, &layout, sizeof layout);
    return state_commit(txn, error);
}

int state_mark_open(struct state *state, const char *boot, struct aq_error *error)
{
    char path[PATH_SIZE];
    generation_path(state, state->env->name, path);
    return boot_mark(path, boot, error) == 0 ? state_mark_layout(state, error) : -1;
}

int state_mark_closed(struct state *state, struct aq_error *error)
{
    char path[PATH_SIZE];
    generation_path(state, state->env->name, path);
    int code = mdb_env_sync(state->env->env, 1);
    return code == 0 ? boot_mark(path, BOOT_CLOSED, error) : store_fail(error, code, "syncing the tables");
}

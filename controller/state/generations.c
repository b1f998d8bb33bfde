/* Generations of the tables: opened, created, published, replaced. */
#include "controller/lmdb/marks.h"
#include "controller/state/store.h"
#include "schema/base/files.h"
#include "schema/base/journal.h"

#include <stdlib.h>
#include <string.h>

/* ---- one generation ----------------------------------------------------------------------------------- */

void store_env_path(const struct state *state, const char *name, char path[STORE_PATH_SIZE])
{
    snprintf(path, STORE_PATH_SIZE, "%s/%s", state->directory, name);
}

void store_env_release(struct store_env *env)
{
    if (env != NULL && atomic_fetch_sub(&env->users, 1) == 1) {
        lmdb_file_close(&env->file);
        free(env);
    }
}

static int open_tables(struct store_env *env, struct aq_error *error)
{
    const char *names[STORE_ENTITIES_MAX + INDEX_COUNT];
    MDB_dbi tables[STORE_ENTITIES_MAX + INDEX_COUNT];
    const struct aq_entity *entity;
    size_t entities = 0;
    for (; (entity = aq_entity_at(entities)) != NULL; entities++) {
        aq_assert(entities < STORE_ENTITIES_MAX);
        names[entities] = entity->plural;
    }
    for (size_t i = 0; i < INDEX_COUNT; i++)
        names[entities + i] = index_table((enum state_index)i);
    if (lmdb_file_open_tables(&env->file, names, tables, entities + INDEX_COUNT, error) != 0)
        return -1;
    memcpy(env->entities, tables, entities * sizeof *tables);
    memcpy(env->indexes, tables + entities, sizeof env->indexes);
    return 0;
}

/* Other processes wait until the controller has checked the tables at its start, or has rebuilt them. */
static int check_marks(const char *path, struct aq_error *error)
{
    char boot[LMDB_BOOT_SIZE];
    if (lmdb_boot_id(boot, error) != 0 || lmdb_mark_check_damaged(path, error) != 0)
        return -1;
    return lmdb_mark_check_boot(path, boot, error);
}

static int open_env(struct store_env **out, const struct state *state, const char *name, struct aq_error *error)
{
    static atomic_uint_fast64_t opened;
    char path[STORE_PATH_SIZE];
    bool writes = state->mode == STATE_WRITE;
    store_env_path(state, name, path);
    if (writes ? aq_directory_make(AT_FDCWD, path, 0700, error) != 0 : check_marks(path, error) != 0)
        return -1;
    struct lmdb_options options = {
        .directory = path,
        .setting = "state.map_size",
        .flags = writes ? MDB_NOSYNC : MDB_RDONLY,
        .tables_max = STORE_ENTITIES_MAX + INDEX_COUNT,
        .map_bytes = writes ? state->map_bytes : 0,
    };
    struct store_env *env = aq_calloc(1, sizeof *env);
    snprintf(env->name, sizeof env->name, "%s", name);
    env->number = atomic_fetch_add(&opened, 1) + 1;
    atomic_init(&env->users, 1);
    if (lmdb_file_open(&env->file, &options, error) != 0 || open_tables(env, error) != 0) {
        store_env_release(env);
        return -1;
    }
    *out = env;
    return 0;
}

/* ---- directories -------------------------------------------------------------------------------------- */

int store_current_name(const char *directory, char name[STORE_NAME_SIZE], struct aq_error *error)
{
    char path[STORE_PATH_SIZE];
    snprintf(path, sizeof path, "%s/current", directory);
    ssize_t length = readlink(path, name, STORE_NAME_SIZE - 1);
    if (length < 0)
        return aq_fail_errno(error, errno, "no tables at %s", path);
    name[length] = '\0';
    if (strchr(name, '/') != NULL || name[0] != 'g')
        return aq_fail(error, AQ_E_CORRUPT, "%s points to %s, which is not a generation of the tables", path, name);
    return 0;
}

static bool is_generation(const char *name)
{
    return name[0] == 'g' && strlen(name) < 20;
}

static bool note_highest(void *context, int directory, const char *name, unsigned char type)
{
    (void)directory;
    (void)type;
    unsigned long number = is_generation(name) ? strtoul(name + 1, NULL, 10) : 0;
    if (number > *(unsigned long *)context)
        *(unsigned long *)context = number;
    return true;
}

static bool remove_file(void *context, int directory, const char *name, unsigned char type)
{
    (void)context;
    (void)type;
    return unlinkat(directory, name, 0) == 0 || errno == ENOENT;
}

/* `tables` is the directory that holds the generations. Old tables that cannot be removed only take room. */
static void remove_generation(int tables, const char *name)
{
    struct aq_error error = {0};
    AQ_CLEANUP_FD int directory = aq_directory_open(tables, name, &error);
    if (directory < 0 || aq_directory_list(directory, remove_file, NULL, &error) != 0 ||
        unlinkat(tables, name, AT_REMOVEDIR) != 0)
        aq_journal(AQ_WARN, "cannot remove old tables", "name", name, "error",
                   error.code != AQ_OK ? error.message : strerror(errno), NULL);
}

static bool remove_other(void *context, int directory, const char *name, unsigned char type)
{
    const struct state *state = context;
    (void)type;
    if (is_generation(name) && strcmp(name, state->env->name) != 0)
        remove_generation(directory, name);
    return true;
}

static int list_generations(const struct state *state, aq_directory_entry_fn *visit, void *context,
                            struct aq_error *error)
{
    AQ_CLEANUP_FD int directory = aq_directory_open(AT_FDCWD, state->directory, error);
    return directory < 0 ? -1 : aq_directory_list(directory, visit, context, error);
}

/* Removes all generations but the open one. */
static void remove_others(struct state *state)
{
    struct aq_error error;
    if (list_generations(state, remove_other, state, &error) != 0)
        aq_journal(AQ_WARN, "cannot remove old tables", "error", error.message, NULL);
}

/* ---- open and close ----------------------------------------------------------------------------------- */

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

void state_close(struct state *state)
{
    if (state == NULL)
        return;
    store_env_release(state->env);
    pthread_mutex_destroy(&state->lock);
    free(state->directory);
    free(state);
}

int store_open(struct state **out, const char *directory, enum state_mode mode, uint64_t map_bytes,
               struct aq_error *error)
{
    char name[STORE_NAME_SIZE];
    struct state *state = state_new(directory, mode, map_bytes);
    if (store_current_name(state->directory, name, error) != 0 || open_env(&state->env, state, name, error) != 0) {
        state_close(state);
        return -1;
    }
    if (mode == STATE_WRITE) /* generations of a process that ended during a rebuild */
        remove_others(state);
    *out = state;
    return 0;
}

int store_open_next(struct state **out, const char *directory, uint64_t map_bytes, struct aq_error *error)
{
    struct state *state = state_new(directory, STATE_WRITE, map_bytes);
    unsigned long highest = 0;
    char name[STORE_NAME_SIZE];
    int failed = list_generations(state, note_highest, &highest, error);
    snprintf(name, sizeof name, "g%lu", highest + 1);
    if (failed || open_env(&state->env, state, name, error) != 0) {
        state_close(state);
        return -1;
    }
    *out = state;
    return 0;
}

int state_publish(struct state *state, struct aq_error *error)
{
    char link[STORE_PATH_SIZE], next[STORE_PATH_SIZE];
    store_env_path(state, "current", link);
    store_env_path(state, "next", next);
    if (unlink(next) != 0 && errno != ENOENT)
        return aq_fail_errno(error, errno, "cannot remove %s", next);
    if (symlink(state->env->name, next) != 0)
        return aq_fail_errno(error, errno, "cannot create %s", next);
    if (rename(next, link) != 0)
        return aq_fail_errno(error, errno, "cannot replace %s", link);
    remove_others(state);
    return 0;
}

void state_discard(struct state *state)
{
    char name[STORE_NAME_SIZE];
    struct aq_error ignored;
    snprintf(name, sizeof name, "%s", state->env->name);
    store_env_release(state->env);
    state->env = NULL;
    AQ_CLEANUP_FD int tables = aq_directory_open(AT_FDCWD, state->directory, &ignored);
    if (tables >= 0)
        remove_generation(tables, name);
    state_close(state);
}

/* ---- readers move over -------------------------------------------------------------------------------- */

/* Called with the lock. Compares the files, not the names: a name may come again after all of state/ was removed. */
static bool has_moved(struct state *state)
{
    char path[STORE_PATH_SIZE];
    store_env_path(state, "current", path);
    return state->mode == STATE_READ && lmdb_check_due(&state->checked_ms) &&
           lmdb_file_is_replaced(&state->env->file, path);
}

struct store_env *store_env_acquire(struct state *state)
{
    pthread_mutex_lock(&state->lock);
    char name[STORE_NAME_SIZE];
    struct aq_error ignored = {0};
    if (has_moved(state) && store_current_name(state->directory, name, &ignored) == 0) {
        struct store_env *moved;
        if (open_env(&moved, state, name, &ignored) == 0) {
            store_env_release(state->env);
            state->env = moved;
        }
    }
    struct store_env *env = state->env;
    atomic_fetch_add(&env->users, 1);
    pthread_mutex_unlock(&state->lock);
    return env;
}

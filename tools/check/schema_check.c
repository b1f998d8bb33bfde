/* Compares the declarations of all events, and of the entries that hold them, with schema/model/events.lock.
 *
 * What is once in a log stays there, and is read for ever: so the meaning of stored bytes may change only under a new
 * version number. The lock file has one line "code name version fingerprint" for each version there ever was; lines are
 * added (--write) and never changed or removed. */
#include "schema/codec/entry.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINES_MAX = 10000, NAME_SIZE = 64 };

struct line {
    unsigned code;
    char name[NAME_SIZE];
    unsigned version;
    uint64_t fingerprint;
    bool declared; /* there still is an event of this name */
};

struct lock {
    const char *path;
    struct line *lines;
    size_t count;
};

static const char heading[] =
    "# Every version of every event that a log may hold: code, name, version, fingerprint of the declaration.\n"
    "# Lines are added by `make events-lock`, and never changed or removed.\n";

/* ---- the lock file ------------------------------------------------------------------------------------ */

static int lock_read_line(struct lock *lock, const char *text, unsigned number)
{
    if (text[0] == '#' || text[0] == '\n')
        return 0;
    struct line line = {0};
    if (lock->count == LINES_MAX ||
        sscanf(text, "%u %63s %u %" SCNx64, &line.code, line.name, &line.version, &line.fingerprint) != 4) {
        fprintf(stderr, "%s:%u: is not \"code name version fingerprint\"\n", lock->path, number);
        return -1;
    }
    lock->lines[lock->count++] = line;
    return 0;
}

/* A missing file is an empty one. */
static int lock_read(struct lock *lock)
{
    FILE *file = fopen(lock->path, "r");
    char text[256];
    int result = 0;
    for (unsigned number = 1; file != NULL && result == 0 && fgets(text, sizeof text, file) != NULL; number++)
        result = lock_read_line(lock, text, number);
    if (file != NULL)
        fclose(file);
    return result;
}

static int lock_write(const struct lock *lock)
{
    FILE *file = fopen(lock->path, "w");
    if (file == NULL) {
        perror(lock->path);
        return -1;
    }
    fputs(heading, file);
    for (size_t i = 0; i < lock->count; i++)
        fprintf(file, "%u %s %u %016" PRIx64 "\n", lock->lines[i].code, lock->lines[i].name, lock->lines[i].version,
                lock->lines[i].fingerprint);
    return fclose(file);
}

/* ---- one declaration ---------------------------------------------------------------------------------- */

static const char what_to_do[] =
    "  Logs hold events of the old form for ever, so the form may change only under a new version: raise the version "
    "in\n"
    "  the event's AQ_DEFINE, keep the old form readable (aq_event_unpack() in schema/codec/entry.c converts it), and "
    "run\n"
    "  `make events-lock`.\n";

static int complain(const struct line *now, const char *how)
{
    fprintf(stderr, "event %s, version %u: %s\n", now->name, now->version, how);
    return -1;
}

/* Compares with one line of the lock; *known becomes true if it is this very version. */
static int check_line(const struct line *now, struct line *then, bool *known)
{
    bool same_name = strcmp(now->name, then->name) == 0;
    if (same_name != (now->code == then->code)) {
        fprintf(stderr, "event %s has code %u, but the lock says that %u is %s: codes and names are never used again\n",
                now->name, now->code, then->code, then->name);
        return -1;
    }
    if (!same_name)
        return 0;
    then->declared = true;
    if (then->version > now->version)
        return complain(now, "the lock has a later version: versions only grow");
    if (then->version < now->version)
        return 0;
    *known = true;
    if (then->fingerprint == now->fingerprint)
        return 0;
    complain(now, "its fields changed, but its version did not");
    fputs(what_to_do, stderr);
    return -1;
}

static int check_declaration(struct lock *lock, const struct aq_record *record, unsigned code, bool add)
{
    struct line now = {.code = code, .version = record->version, .declared = true};
    bool known = false;
    int result = 0;
    snprintf(now.name, sizeof now.name, "%s", record->name);
    now.fingerprint = aq_record_fingerprint(record);
    for (size_t i = 0; i < lock->count; i++)
        if (check_line(&now, &lock->lines[i], &known) != 0)
            result = -1;
    if (known || result != 0)
        return result;
    if (!add)
        return complain(&now, "is new: run `make events-lock`, which adds it to schema/model/events.lock");
    if (lock->count == LINES_MAX)
        return complain(&now, "does not fit into the lock");
    lock->lines[lock->count++] = now;
    return 0;
}

/* An earlier form that is declared must still be the one that logs hold. */
static int check_older(const struct lock *lock, const struct aq_older_event *older)
{
    const struct line now = {.version = older->version, .fingerprint = aq_record_fingerprint(older->record)};
    for (size_t i = 0; i < lock->count; i++)
        if (lock->lines[i].code == older->type->code && lock->lines[i].version == older->version)
            return lock->lines[i].fingerprint == now.fingerprint
                       ? 0
                       : complain(&lock->lines[i], "its earlier form is declared otherwise than logs hold it");
    fprintf(stderr, "event %s, version %u: an earlier form is declared that no log holds\n", older->record->name,
            older->version);
    return -1;
}

static int check_all(struct lock *lock, bool add)
{
    int result = check_declaration(lock, &aq_entry_record, 0, add);
    const struct aq_event_type *type;
    for (size_t i = 0; (type = aq_event_type_at(i)) != NULL; i++)
        if (check_declaration(lock, type->record, type->code, add) != 0)
            result = -1;
    const struct aq_older_event *older;
    for (size_t i = 0; (older = aq_older_event_at(i)) != NULL; i++)
        if (check_older(lock, older) != 0)
            result = -1;
    for (size_t i = 0; i < lock->count; i++) {
        if (lock->lines[i].declared)
            continue;
        complain(&lock->lines[i], "is declared no more, but logs hold it: its declaration must stay");
        result = -1;
    }
    return result;
}

int main(int argc, char **argv)
{
    bool add = argc == 3 && strcmp(argv[2], "--write") == 0;
    if (argc != 2 && !add) {
        fprintf(stderr, "usage: %s FILE [--write]\n", argv[0]);
        return 2;
    }
    struct lock lock = {.path = argv[1], .lines = aq_calloc(LINES_MAX, sizeof *lock.lines)};
    int result = lock_read(&lock);
    size_t before = lock.count;
    if (result == 0)
        result = check_all(&lock, add);
    if (result == 0 && lock.count > before)
        result = lock_write(&lock);
    free(lock.lines);
    return result == 0 ? 0 : 1;
}

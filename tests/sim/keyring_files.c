#include "tests/sim/keyring_files.h"

#include "schema/base/files.h"
#include "tests/lib/directory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AWAY "away"

enum { PATH_SIZE = 128 };

static void path_of(char path[PATH_SIZE], const char *directory, const char *name)
{
    snprintf(path, PATH_SIZE, "%s/%s", directory, name);
}

static void path_in_keyring(char path[PATH_SIZE], const char *data, const char *name)
{
    snprintf(path, PATH_SIZE, "%s/" KEYRING_DIRECTORY "/%s", data, name);
}

static bool is_there(const char *data, const char *name)
{
    char path[PATH_SIZE];
    path_in_keyring(path, data, name);
    return access(path, F_OK) == 0;
}

void keyring_files_check(const struct judge *judge, const char *data)
{
    for (size_t i = 0; i < judge->sealed.n_epochs; i++) {
        const struct sealed_epoch *epoch = &judge->sealed.epochs[i];
        if (!epoch->ended && !epoch->away && !is_there(data, epoch->name))
            sim_broken(judge->sim, "the key of an epoch is there as long as it", "epoch %zu, %s", i + 1, epoch->name);
    }
}

const char *keyring_files_left(const struct judge *judge, const char *data)
{
    for (size_t i = 0; i < judge->sealed.n_epochs; i++)
        if (judge->sealed.epochs[i].ended && is_there(data, judge->sealed.epochs[i].name))
            return judge->sealed.epochs[i].name;
    return "";
}

static void move_key(const char *from, const char *to)
{
    if (rename(from, to) != 0)
        abort();
}

void keyring_files_lose(struct judge *judge, const char *data)
{
    char from[PATH_SIZE], to[PATH_SIZE];
    struct aq_error error;
    if (aq_directory_make(AT_FDCWD, AWAY, 0700, &error) != 0)
        abort();
    for (size_t i = 0; i < judge->sealed.n_epochs; i++) {
        struct sealed_epoch *epoch = &judge->sealed.epochs[i];
        if (!is_there(data, epoch->name))
            continue;
        path_in_keyring(from, data, epoch->name);
        path_of(to, AWAY, epoch->name);
        move_key(from, to);
        epoch->away = true;
    }
    snprintf(from, sizeof from, "%s/" KEYRING_DIRECTORY, data);
    test_remove_tree(from); /* with keys for which there is no epoch yet */
}

/* With those of epochs that have ended meanwhile, as in a backup. */
void keyring_files_restore(struct judge *judge, const char *data)
{
    char from[PATH_SIZE], to[PATH_SIZE];
    struct aq_error error;
    snprintf(to, sizeof to, "%s/" KEYRING_DIRECTORY, data);
    if (aq_directory_make(AT_FDCWD, to, 0700, &error) != 0)
        abort();
    for (size_t i = 0; i < judge->sealed.n_epochs; i++) {
        struct sealed_epoch *epoch = &judge->sealed.epochs[i];
        if (!epoch->away)
            continue;
        path_of(from, AWAY, epoch->name);
        path_in_keyring(to, data, epoch->name);
        move_key(from, to);
        epoch->away = false;
    }
}

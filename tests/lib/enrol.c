#include "tests/lib/enrol.h"

#include "controller/auth/tokens.h"
#include "schema/model/join_token.h"
#include "schema/model/node.h"
#include "schema/wire/key_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

static bool has_key(struct test_cluster *cluster, const char *key)
{
    struct aq_error error = {0};
    struct state_txn *txn;
    char name[65];
    test_must(state_read(cluster->state, &txn, &error), &error);
    bool found = state_node_of_key(txn, key, name, sizeof name);
    state_end(txn);
    return found;
}

void test_enrol(struct test_cluster *cluster, const char *name)
{
    struct aq_error error = {0};
    struct aq_noise_pair pair;
    char key[AQ_NOISE_TEXT_SIZE], token[TOKEN_SIZE], hash[TOKEN_HASH_SIZE];
    test_node_pair(&pair, name);
    aq_noise_key_to_text(pair.public, key);
    if (has_key(cluster, key))
        return;
    token_make(token);
    token_hash(token, hash);
    const struct aq_join_token_create create = {.name = name, .replaces = true, .hash = hash};
    const struct aq_node_enrol enrol = {.name = name, .key = key, .hash = hash, .instance = 1};
    if (test_ask(cluster, &aq_command_join_token_create, &create, "admin", NULL, &error) == 0 ||
        test_ask(cluster, &aq_command_node_enrol, &enrol, "node", NULL, &error) == 0)
        test_must(-1, &error);
}

void test_node_identity(struct aq_identity *identity, const char *name, const char *directory)
{
    struct aq_error error = {0};
    struct aq_noise_pair hub;
    char path[160];
    snprintf(path, sizeof path, "%s/" AQ_FILE_HUB_KEY, directory);
    test_must(aq_key_file_load(&hub, AT_FDCWD, path, &error), &error);
    test_node_pair(&identity->own, name);
    memcpy(identity->hub, hub.public, sizeof identity->hub);
    identity->knows_hub = true;
}

#include "agent/entry.h"

#include "schema/base/journal.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

int entry_open(struct entry *entry, int root, const struct agent_join *join, const char *name, uint64_t instance,
               struct aq_error *error)
{
    *entry = (struct entry){.root = root, .token = {.name = entry->name, .instance = instance}};
    aq_assert(strlen(name) < sizeof entry->name); /* a setting that was checked */
    strcpy(entry->name, name);
    if (identity_open(&entry->identity, root, error) != 0)
        return -1;
    entry->asked = entry->token;
    if (join == NULL)
        return 0;
    if (strlen(join->secret) >= sizeof entry->token.secret)
        return aq_fail(error, AQ_E_INVALID, "the secret of a join token has at most %zu characters",
                       sizeof entry->token.secret - 1);
    strcpy(entry->token.secret, join->secret);
    return aq_fingerprint_parse(join->fingerprint, entry->token.fingerprint, error);
}

void entry_close(struct entry *entry)
{
    identity_wipe(&entry->identity);
    sodium_memzero(entry, sizeof *entry);
}

const char *entry_refusal(const struct entry *entry)
{
    return entry->refusal;
}

static void tell(struct entry *entry, const char *text)
{
    if (strcmp(entry->refusal, text) == 0)
        return;
    snprintf(entry->refusal, sizeof entry->refusal, "%s", text);
    if (text[0] != '\0')
        aq_journal(AQ_WARN, "not let into the cluster: asking again until it is", "error", text, NULL);
}

static bool has_token(const struct entry *entry)
{
    return entry->token.fingerprint[0] != '\0';
}

static void join(struct entry *entry, struct aq_asker *asker, const struct aq_join *how)
{
    entry->asked = *how;
    aq_asker_join(asker, how);
}

/* After a denial, over a new connection: the hub reads nothing more from the one that it denied. Without one, the
 * session tries again. */
static void join_anew(struct entry *entry, struct aq_asker *asker, const struct aq_join *how)
{
    struct aq_error error;
    join(entry, asker, how);
    if (aq_asker_reconnect(asker, &error) != 0)
        aq_journal(AQ_WARN, "cannot connect", "error", error.message, NULL);
}

/* Asks for a proof of the hub's key, without saying a secret. */
static void look_for_hub(struct entry *entry, struct aq_asker *asker)
{
    struct aq_join how = entry->token;
    sodium_memzero(how.secret, sizeof how.secret);
    memcpy(how.fingerprint, entry->identity.fingerprint, sizeof how.fingerprint);
    join_anew(entry, asker, &how);
}

void entry_begin(struct entry *entry, struct aq_asker *asker)
{
    const struct identity *identity = &entry->identity;
    if (has_token(entry) && strcmp(entry->token.fingerprint, identity->fingerprint) != 0)
        join(entry, asker, &entry->token);
    else if (!identity->seals.knows_hub)
        tell(entry, "this agent has not enrolled: it needs a join token, which `aq nodes token` prints");
}

static void store_hub(struct entry *entry, const unsigned char hub[AQ_NOISE_KEY_SIZE])
{
    struct aq_error error;
    if (identity_set_cluster(&entry->identity, entry->root, entry->asked.fingerprint, hub, &error) != 0)
        aq_journal(AQ_ERROR, "cannot store which cluster this is", "error", error.message, NULL);
    else
        aq_journal(AQ_INFO, entry->asked.secret[0] != '\0' ? "enrolled" : "the controller has another key", "authority",
                   entry->asked.fingerprint, NULL);
    sodium_memzero(entry->asked.secret, sizeof entry->asked.secret);
}

static void take_denial(struct entry *entry, struct aq_asker *asker, enum aq_denial denial)
{
    if (denial == AQ_DENIED_OTHER_HUB)
        look_for_hub(entry, asker);
    else if (denial == AQ_DENIED_STRANGER && has_token(entry))
        join_anew(entry, asker, &entry->token);
    else if (denial == AQ_DENIED_STRANGER)
        tell(entry,
             "the controller knows no node with the key of this agent, or it was revoked: enrol with a join token");
}

void entry_turn(struct entry *entry, struct aq_asker *asker)
{
    unsigned char hub[AQ_NOISE_KEY_SIZE];
    const enum aq_denial denial = aq_asker_denial(asker);
    if (aq_asker_take_hub(asker, hub))
        store_hub(entry, hub);
    if (aq_asker_joins(asker)) {
        const struct aq_error *refusal = aq_asker_join_refusal(asker);
        if (refusal->code != AQ_OK)
            tell(entry, refusal->message);
    } else if (denial != 0) { /* it may have a session that the hub has ended: the key was revoked */
        if (denial != entry->denied)
            take_denial(entry, asker, denial);
    } else if (aq_asker_has_session(asker)) {
        tell(entry, "");
    }
    entry->denied = denial;
}

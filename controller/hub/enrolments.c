#include "controller/hub/enrolments.h"

#include "controller/auth/tokens.h"
#include "schema/base/journal.h"
#include "schema/wire/key_file.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { AUTHOR_SIZE = HUB_NAME_SIZE + 8, TELL_AGAIN_MS = 10000 };

struct enrolment {
    struct hub_item item;
    struct hub_base *base;
    struct writer_request request;
    struct aq_node_enrol enrol;
    const void *records[1];
    char name[HUB_NAME_SIZE], author[AUTHOR_SIZE], key[AQ_NOISE_TEXT_SIZE], hash[TOKEN_HASH_SIZE];
    struct hub_question question;
};

/* Whoever reaches the port can ask, with any name: that must not fill the journal. */
static void tell_refusal(struct hub_base *base, const char *name, const struct aq_error *error)
{
    char others[24];
    const uint64_t times = aq_journal_due(&base->refusals, base->now.steady_ms, TELL_AGAIN_MS);
    if (times == 0)
        return;
    snprintf(others, sizeof others, "%" PRIu64, times - 1);
    aq_journal(AQ_WARN, "agent did not enrol", "node", name, "error", error->message, "others_since", others, NULL);
}

static void refuse(struct hub_base *base, struct hub_question *question, const char *name, const struct aq_error *error)
{
    tell_refusal(base, name, error);
    channel_refuse(question, error);
}

static void enrolment_drop(struct hub_item *item)
{
    free((struct enrolment *)item);
}

static void enrolment_done(struct hub_item *item)
{
    struct enrolment *enrolment = (struct enrolment *)item;
    const struct aq_enrolled enrolled = {.name = enrolment->name};
    if (enrolment->request.error.code == AQ_OK) {
        aq_journal(AQ_INFO, "agent enrolled", "node", enrolment->name, "key", enrolment->key, NULL);
        channel_trust(&enrolment->question);
        channel_answer(&enrolment->question, AQ_MSG_ENROLLED, &enrolled);
    } else {
        refuse(enrolment->base, &enrolment->question, enrolment->name, &enrolment->request.error);
    }
    free(enrolment);
}

void enrolments_take(struct hub_base *base, struct hub_question *question, const struct aq_enrol *message)
{
    struct aq_error error;
    if (!question->author.joins) {
        (void)aq_fail(&error, AQ_E_INVALID, "the key of this agent is that of a node already");
        channel_refuse(question, &error);
        return;
    }
    struct enrolment *enrolment = aq_calloc(1, sizeof *enrolment);
    snprintf(enrolment->name, sizeof enrolment->name, "%s", message->name);
    snprintf(enrolment->author, sizeof enrolment->author, "node:%s", message->name);
    aq_noise_key_to_text(question->author.key, enrolment->key);
    token_hash(message->secret, enrolment->hash);
    sodium_memzero((char *)(uintptr_t)message->secret, strlen(message->secret));
    enrolment->enrol = (struct aq_node_enrol){
        .name = enrolment->name, .key = enrolment->key, .hash = enrolment->hash, .instance = message->instance};
    enrolment->records[0] = &enrolment->enrol;
    enrolment->base = base;
    enrolment->question = *question;
    enrolment->item.run = enrolment_done;
    enrolment->item.drop = enrolment_drop;
    enrolment->request = (struct writer_request){.command = &aq_command_node_enrol,
                                                 .records = enrolment->records,
                                                 .count = 1,
                                                 .caller = aq_caller_internal(enrolment->author)};
    if (hub_submit(base, &enrolment->request, &enrolment->item, &error) == 0)
        return;
    refuse(base, question, enrolment->name, &error);
    free(enrolment);
}

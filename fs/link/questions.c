#include "fs/link/questions.h"
#include "schema/base/clock.h"
#include "schema/wire/ask.h"
#include "schema/wire/uplink_nanomsg.h"

#include <nanomsg/nn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ANSWERS_TURN = 256 }; /* taken in one call of questions_work() */

struct question {
    struct aq_question asked; /* first: both have the same address */
    question_done_fn *done;
    void *context;
};

struct questions {
    struct aq_asker *asker;
    struct aq_arena arena; /* of one answer */
    size_t count;
};

/* ---- open and close ----------------------------------------------------------------------------------- */

static int connect_to(struct questions *questions, const char *directory, struct aq_error *error)
{
    char url[NN_SOCKADDR_MAX];
    if (snprintf(url, sizeof url, "ipc://%s/%s", directory, AQ_FILE_LOCAL_SOCKET) >= (int)sizeof url)
        return aq_fail(error, AQ_E_INVALID, "data is a path of %zu bytes, which is too long for a socket",
                       strlen(directory));
    return aq_asker_open(&questions->asker, aq_uplink_nanomsg(&(const char *){url}, 1, 0), NULL, error);
}

int questions_open(struct questions **out, const char *directory, struct aq_error *error)
{
    struct questions *questions = aq_calloc(1, sizeof *questions);
    if (connect_to(questions, directory, error) != 0) {
        questions_close(questions);
        return -1;
    }
    *out = questions;
    return 0;
}

static struct question *take_failed(struct questions *questions, uint64_t now)
{
    struct aq_question *asked = aq_asker_take_failed(questions->asker, now);
    questions->count -= asked != NULL;
    return (struct question *)asked;
}

void questions_close(struct questions *questions)
{
    if (questions == NULL)
        return;
    for (struct question *question;
         questions->asker != NULL && (question = take_failed(questions, UINT64_MAX)) != NULL;)
        free(question);
    aq_asker_close(questions->asker);
    aq_arena_free(&questions->arena);
    free(questions);
}

int questions_fd(const struct questions *questions)
{
    return aq_asker_fd(questions->asker);
}

bool questions_connected(const struct questions *questions)
{
    return aq_asker_is_connected(questions->asker);
}

/* ---- asking ------------------------------------------------------------------------------------------- */

int questions_ask(struct questions *questions, enum aq_message_type type, const void *message, unsigned timeout_ms,
                  question_done_fn *done, void *context, struct aq_error *error)
{
    if (questions->count >= QUESTIONS_MAX)
        return aq_fail(error, AQ_E_BUSY, "%d questions are waiting for the controller: try again", QUESTIONS_MAX);
    struct question *question = aq_malloc(sizeof *question);
    *question = (struct question){.done = done, .context = context};
    if (aq_asker_ask_once(questions->asker, &question->asked, type, message, aq_clock_ms() + timeout_ms, error) == 0) {
        questions->count++;
        return 0;
    }
    free(question);
    if (error->code == AQ_E_NO_LEADER)
        return aq_fail(error, AQ_E_NO_LEADER, "no controller is running here: reads work, writes have to wait");
    return aq_error_context(error, "cannot reach the controller");
}

/* ---- answers ------------------------------------------------------------------------------------------ */

/* Takes one answer. False: there is none. */
static bool deliver_answer(struct questions *questions)
{
    enum aq_message_type type;
    void *message;
    struct aq_error refused = {0};
    aq_arena_reset(&questions->arena);
    struct question *question = (struct question *)aq_asker_take(questions->asker, &type, &message, &questions->arena);
    if (question == NULL)
        return false;
    questions->count--;
    if (type == AQ_MSG_REFUSED) {
        const struct aq_refused *words = message;
        (void)aq_fail(&refused, aq_error_from_name(words->error), "%s", words->message);
        if (refused.code == AQ_OK)
            refused.code = AQ_E_INTERNAL;
        message = NULL;
    }
    question->done(question->context, &refused, type, message);
    free(question);
    return true;
}

static void fail_question(struct question *question)
{
    struct aq_error error = {0};
    (void)aq_fail(&error, AQ_E_UNKNOWN, "%s: the outcome is unknown, check before you repeat it",
                  question->asked.lost ? "the controller disconnected before it answered"
                                       : "the controller did not answer in time");
    question->done(question->context, &error, AQ_MSG_NONE, NULL);
    free(question);
}

void questions_work(struct questions *questions)
{
    struct question *question;
    for (int i = 0; i < ANSWERS_TURN && deliver_answer(questions); i++)
        continue;
    aq_asker_flush(questions->asker);
    const uint64_t now = aq_clock_ms();
    while ((question = take_failed(questions, now)) != NULL)
        fail_question(question);
}

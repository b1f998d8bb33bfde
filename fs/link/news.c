#include "fs/link/news.h"

#include "fs/link/questions.h"
#include "schema/base/clock.h"
#include "schema/codec/preset.h"

#include <stdlib.h>
#include <string.h>

enum {
    WATCH_MS = 15000, /* the controller answers after 5 seconds at the latest */
    QUIET_MS = 1000,  /* after an answer that came sooner than this and brought nothing, wait for the next tick */
};

struct news {
    struct questions *questions;
    struct aq_now now;
    struct aq_arena arena; /* of `now` */
    bool watching;         /* a WATCH is open */
    uint64_t asked_ms;     /* when it was sent */
};

struct news *news_open(struct questions *questions)
{
    struct news *news = aq_calloc(1, sizeof *news);
    news->questions = questions;
    aq_record_init(&aq_now_record, &news->now, &news->arena);
    return news;
}

void news_close(struct news *news)
{
    if (news == NULL)
        return;
    aq_arena_free(&news->arena);
    free(news);
}

static void forget_leader(struct news *news)
{
    news->now.leader = false;
    for (uint32_t i = 0; i < news->now.members.count; i++)
        AQ_ITEM(news->now.members, struct aq_member, i)->leader = false;
}

static void send_watch(struct news *news);

static void watch_done(void *context, const struct aq_error *refused, enum aq_message_type type, const void *answer)
{
    struct news *news = context;
    (void)refused;
    news->watching = false;
    if (answer == NULL || type != AQ_MSG_NOW) {
        forget_leader(news);
        return; /* news_work() asks again */
    }
    uint64_t seq = news->now.seq;
    aq_arena_reset(&news->arena);
    aq_record_copy(&aq_now_record, &news->now, answer, &news->arena);
    if (news->now.seq > seq || aq_clock_ms() >= news->asked_ms + QUIET_MS)
        send_watch(news);
}

static void send_watch(struct news *news)
{
    struct aq_error ignored = {0};
    const struct aq_watch watch = {.seq = news->now.seq};
    news->asked_ms = aq_clock_ms();
    news->watching = questions_ask(news->questions, AQ_MSG_WATCH, &watch, WATCH_MS, watch_done, news, &ignored) == 0;
    if (!news->watching)
        forget_leader(news);
}

void news_work(struct news *news)
{
    if (!news->watching)
        send_watch(news);
}

const struct aq_now *news_now(const struct news *news)
{
    return &news->now;
}

const struct aq_member *news_member(const struct news *news, const char *name)
{
    for (uint32_t i = 0; i < news->now.members.count; i++) {
        const struct aq_member *member = AQ_ITEM(news->now.members, struct aq_member, i);
        if (strcmp(member->name, name) == 0)
            return member;
    }
    return NULL;
}

const char *news_leader(const struct news *news)
{
    for (uint32_t i = 0; i < news->now.members.count; i++) {
        const struct aq_member *member = AQ_ITEM(news->now.members, struct aq_member, i);
        if (member->leader && questions_connected(news->questions))
            return member->name;
    }
    return NULL;
}

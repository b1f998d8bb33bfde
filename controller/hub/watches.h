/* Watches: questions of file views that wait for the next commit. */
#ifndef AQ_CONTROLLER_HUB_WATCHES_H
#define AQ_CONTROLLER_HUB_WATCHES_H

#include "controller/hub/base.h"

struct hub_watch;

struct hub_watches {
    struct hub_base *base;
    struct hub_watch *items;
    uint32_t count;
};

void watches_open(struct hub_watches *watches, struct hub_base *base);
void watches_close(struct hub_watches *watches);

/* Handles WATCH: answers with NOW when the cluster is past `message->seq`, or after five seconds. */
void watches_take(struct hub_watches *watches, struct hub_question *question, const struct aq_watch *message);
/* Answers the watches that are due, or all. */
void watches_answer(struct hub_watches *watches, bool all);

#endif

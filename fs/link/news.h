/* What the controller last said about itself, for /cluster: its members, and which of them leads.
 *
 * A WATCH is always open; the controller answers it when something changes. */
#ifndef AQ_FS_LINK_NEWS_H
#define AQ_FS_LINK_NEWS_H

#include "schema/wire/messages.h"

struct questions;
struct news;

struct news *news_open(struct questions *questions);
void news_close(struct news *news); /* after questions_close(), which drops the open WATCH; NULL is fine */

/* Asks the controller if no WATCH is open. Call it at least each QUESTIONS_TICK_MS. */
void news_work(struct news *news);

/* The members that are known, and one of them by name, or NULL. Valid until the next questions_work(). */
const struct aq_now *news_now(const struct news *news);
const struct aq_member *news_member(const struct news *news, const char *name);

/* The name of the member that leads; NULL: there is no leader, or the controller is not connected. */
const char *news_leader(const struct news *news);

#endif

/* The keys of the rows that one request creates or changes. Mostly they are consecutive numbers, so the log keeps the
 * first one; all of them, if they are not. */
#ifndef AQ_CONTROLLER_WRITE_MADE_H
#define AQ_CONTROLLER_WRITE_MADE_H

#include "controller/project/answers.h"
#include "controller/write/request.h"

/* Zeroed memory: none yet. */
struct made {
    char first[65];
    uint32_t count;
    const char **ids; /* of `count` rows, in the arena; NULL: they are consecutive numbers */
};

/* Adds the key of the next row. */
void made_add(struct made *made, const struct writer_request *request, const char *id, struct aq_arena *arena);

/* Fills request->ids as they were when the request came first. */
void made_repeat(struct writer_request *request, const struct project_answer *before);

#endif

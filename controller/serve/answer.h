/* Answers: the envelope {"message": ..., "data": ..., "seq": ...}, errors in the same form, and plain texts.
 *
 * A step opens the envelope, appends the data as JSON to request->out, and closes it; or says what went wrong. Each of
 * the functions that return an outcome makes the answer, and must be the last thing that a step does. */
#ifndef AQ_CONTROLLER_SERVE_ANSWER_H
#define AQ_CONTROLLER_SERVE_ANSWER_H

#include "controller/serve/request.h"

/* {"message":"...","data": — what follows is the data. */
void answer_open(struct request *request, const char *format, ...) AQ_PRINTF(2, 3);
/* ,"name": — what follows is another member beside the data. */
void answer_member(struct request *request, const char *name);
/* ,"seq":N} */
enum outcome answer_close(struct request *request, uint64_t seq);
enum outcome answer_close_as(struct request *request, uint64_t seq, unsigned status);

/* The envelope of a failure: request->error, or one that is made here. */
enum outcome answer_error(struct request *request);
enum outcome answer_fail(struct request *request, enum aq_error_code code, const char *format, ...) AQ_PRINTF(3, 4);

/* What stands in request->out, as it is. */
enum outcome answer_plain(struct request *request, unsigned status, const char *type);

/* The bytes of request->source, which is filled. */
enum outcome answer_source(struct request *request);

/* "application" -> "Application". */
const char *answer_title(struct request *request, const char *name);

#endif

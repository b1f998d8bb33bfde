/* Answers: the envelope {"message": ..., "data": ..., "seq": ...}, errors in the same form, and plain texts.
 *
 * A step opens the envelope, appends the data as JSON to request->out and closes it; or it answers with an error. The
 * functions that return an outcome complete the answer: a step calls one of them last, and returns what it returns. */
#ifndef AQ_CONTROLLER_SERVE_ANSWER_H
#define AQ_CONTROLLER_SERVE_ANSWER_H

#include "controller/serve/request.h"

enum { HTTP_OK = 200 }; /* errors have theirs by aq_error_http() */

/* Begins the envelope: {"message":"...","data": */
void answer_open(struct request *request, const char *format, ...) AQ_PRINTF(2, 3);
/* Begins another member of the envelope: ,"name": */
void answer_member(struct request *request, const char *name);
/* Ends the envelope: ,"seq":N} with the seq that the answer was made from. */
enum outcome answer_close(struct request *request);
enum outcome answer_close_as(struct request *request, unsigned status);

/* Answers with request->error, or with a new error. */
enum outcome answer_error(struct request *request);
enum outcome answer_fail(struct request *request, enum aq_error_code code, const char *format, ...) AQ_PRINTF(3, 4);

/* Answers with the contents of request->out. */
enum outcome answer_plain(struct request *request, unsigned status, const char *type);

/* Answers with the bytes of request->source, which the caller has set. */
enum outcome answer_source(struct request *request);

/* "label" -> "Label". In the request's arena. */
const char *answer_title(struct request *request, const char *name);

#endif

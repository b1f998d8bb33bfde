/* The list of errors, and the object that carries one.
 *
 * A function that can fail returns 0 or -1 and takes a `struct aq_error *` as its last argument. Success leaves the
 * object untouched; failure sets code and message. The message says what is wrong and what would be right. Callers
 * further up may prepend context with aq_error_context(). Each code has an HTTP status, an errno and a short text, so
 * that REST, the file view and `aq` report the same. */
#ifndef AQ_SCHEMA_BASE_ERROR_H
#define AQ_SCHEMA_BASE_ERROR_H

#include "schema/base/compiler.h"

/*      code                name              HTTP errno         what it means */
#define AQ_ERRORS(E)                                                                                                   \
    E(AQ_E_INVALID, "invalid", 400, EINVAL, "the request breaks a rule of its declaration")                            \
    E(AQ_E_UNAUTHENTICATED, "unauthenticated", 401, EACCES, "the user name or token is missing or wrong")              \
    E(AQ_E_FORBIDDEN, "forbidden", 403, EPERM, "the user may not do this")                                             \
    E(AQ_E_NOT_FOUND, "not_found", 404, ENOENT, "there is no such thing")                                              \
    E(AQ_E_METHOD, "method", 405, ENOTSUP, "the route does not take this method")                                      \
    E(AQ_E_EXISTS, "exists", 409, EEXIST, "it exists already")                                                         \
    E(AQ_E_STATE, "state", 409, EBUSY, "not allowed in its current state")                                             \
    E(AQ_E_TOO_LARGE, "too_large", 413, EMSGSIZE, "larger than the limit")                                             \
    E(AQ_E_TYPE, "type", 415, EINVAL, "the body is not of a type that is read here")                                   \
    E(AQ_E_KEY_REUSED, "key_reused", 422, EEXIST, "the idempotency key was used for another request")                  \
    E(AQ_E_LIMIT, "limit", 429, EDQUOT, "a limit of the user is reached")                                              \
    E(AQ_E_ATTEMPTS, "attempts", 429, EAGAIN, "too many failed attempts; wait a second")                               \
    E(AQ_E_RATE, "rate", 429, EAGAIN, "too many requests, or too much written; try again later")                       \
    E(AQ_E_INTERNAL, "internal", 500, EIO, "an internal error of the server")                                          \
    E(AQ_E_IO, "io", 500, EIO, "the disk or the network failed")                                                       \
    E(AQ_E_CORRUPT, "corrupt", 500, EIO, "stored data is damaged")                                                     \
    E(AQ_E_BUSY, "busy", 503, EAGAIN, "the queue is full; try again")                                                  \
    E(AQ_E_BEHIND, "behind", 503, EAGAIN, "this controller has not reached the seq that was asked for; try again")     \
    E(AQ_E_NO_LEADER, "no_leader", 503, EROFS, "there is no leader; reads still work")                                 \
    E(AQ_E_UNKNOWN, "unknown", 504, ETIMEDOUT, "the outcome is not known; repeat with the same key")                   \
    E(AQ_E_NO_SPACE, "no_space", 507, ENOSPC, "the disk is full")

enum aq_error_code {
    AQ_OK = 0,
#define AQ_ERROR_CODE(code, name, http, number, text) code,
    AQ_ERRORS(AQ_ERROR_CODE)
#undef AQ_ERROR_CODE
        AQ_E_COUNT
};

enum { AQ_ERROR_MESSAGE_SIZE = 512 };

struct aq_error {
    enum aq_error_code code;
    unsigned retry_s;                    /* when to try again; 0: not known */
    char message[AQ_ERROR_MESSAGE_SIZE]; /* UTF-8; cut if it does not fit */
};

/* Fills `error` and returns -1, so that a caller can write `return aq_fail(...)`. */
int aq_fail(struct aq_error *error, enum aq_error_code code, const char *format, ...) AQ_PRINTF(3, 4);

/* The same, with ": " and the text of errno `number` appended; the code is derived from the number. */
int aq_fail_errno(struct aq_error *error, int number, const char *format, ...) AQ_PRINTF(3, 4);

/* Prepends the text and ": " to the message. Returns -1. */
int aq_error_context(struct aq_error *error, const char *format, ...) AQ_PRINTF(2, 3);

const char *aq_error_name(enum aq_error_code code);      /* "not_found" */
const char *aq_error_text(enum aq_error_code code);      /* "there is no such thing" */
int aq_error_http(enum aq_error_code code);              /* 404 */
int aq_error_errno(enum aq_error_code code);             /* ENOENT */
enum aq_error_code aq_error_from_name(const char *name); /* AQ_E_INTERNAL for an unknown name */

#endif

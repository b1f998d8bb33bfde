/* Standard error, for which nothing waits: a pipe that nobody reads, a stopped terminal or a full socket must not stop
 * a daemon. Its open file description may be shared with other processes, so its flags stay as they are. */
#ifndef AQ_SCHEMA_BASE_STDERR_H
#define AQ_SCHEMA_BASE_STDERR_H

#include <stdbool.h>
#include <stddef.h>

enum { AQ_STDERR_MAX = 4096 }; /* bytes that a pipe takes in one piece */

/* Writes the text, of at most AQ_STDERR_MAX bytes, at once. False: there is no room for all of it. Any thread, and
 * signal handlers. */
bool aq_stderr_put(const char *text, size_t length);

#endif

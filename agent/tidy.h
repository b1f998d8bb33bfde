/* Text from workloads and the system, made fit for messages to the hub. */
#ifndef AQ_AGENT_TIDY_H
#define AQ_AGENT_TIDY_H

#include <stddef.h>

/* Returns a copy of at most `most` bytes, for free(). A line break becomes a blank; any other control character, and
 * each byte that is not valid UTF-8, becomes a question mark. */
char *tidy_copy(const char *text, size_t most);

#endif

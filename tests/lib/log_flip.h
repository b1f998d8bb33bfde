/* Bits of the file of a log turn. */
#ifndef AQ_TESTS_LIB_LOG_FLIP_H
#define AQ_TESTS_LIB_LOG_FLIP_H

#include "tests/lib/log_case.h"
#include "tests/lib/turned_bits.h"

#include <sys/types.h>

void log_case_path(char path[96]);
/* Calls for each place in the file where the text stands: older copies of a page are among them. */
void each_match(const char *path, const char *text, void (*visit)(void *context, off_t place), void *context);
/* For each_match(), with the path as context: flips the lowest bit of the match. */
void flip_match(void *context, off_t place);
off_t find_last_match(const char *path, const char *text);

#endif

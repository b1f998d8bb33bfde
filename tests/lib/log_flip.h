/* Flips bits in the file of a log_case. */
#ifndef AQ_TESTS_LIB_LOG_FLIP_H
#define AQ_TESTS_LIB_LOG_FLIP_H

#include "tests/lib/log_case.h"
#include "tests/lib/turned_bits.h"

#include <sys/types.h>

/* The path of the log's file. */
void log_case_path(char path[96]);
/* Calls `visit` for each place in the file that contains the text, older copies of a page included. */
void each_match(const char *path, const char *text, void (*visit)(void *context, off_t place), void *context);
/* A visit function that flips the lowest bit of the match; its context is the path. */
void flip_match(void *context, off_t place);
/* The last such place; -1: there is none. */
off_t find_last_match(const char *path, const char *text);

#endif

/* Programs that a test starts, of this build or others. They are killed when the test ends. */
#ifndef AQ_TESTS_LIB_PROGRAM_H
#define AQ_TESTS_LIB_PROGRAM_H

#include "schema/base/compiler.h"

#include <stddef.h>
#include <sys/types.h>

enum { PROGRAM_ARGUMENTS_MAX = 32 };

/* The directory with the binaries to test: the environment variable BUILD, or build/release. */
const char *program_build(void);

/* A command line, built word by word. */
struct program_line {
    char *words[PROGRAM_ARGUMENTS_MAX];
    size_t count;
};

/* Adds one word, given as a format. */
void program_add(struct program_line *line, const char *format, ...) AQ_PRINTF(2, 3);
/* Adds "--set" and a word "name=value". */
void program_set(struct program_line *line, const char *format, ...) AQ_PRINTF(2, 3);

/* Starts the program in its own session, with its output appended to the file `log`. Frees the line's words. Returns
 * the pid, or -1. */
pid_t program_start(struct program_line *line, const char *log);

/* Waits until the child has ended, sets *pid to 0, and fills `status` as waitpid() does (0 when it is not our child).
 * Returns -1 when it still runs after so many seconds. */
int program_wait(pid_t *pid, double seconds, int *status);

/* The processor time that all threads of the process have used so far, in seconds. */
double program_cpu_s(pid_t pid);

/* Prints the last lines of a log to standard error, each after "# ". */
void program_show_log(const char *log);

#endif

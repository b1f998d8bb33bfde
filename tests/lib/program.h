/* Programs that a test starts: those of this build, or others. */
#ifndef AQ_TESTS_LIB_PROGRAM_H
#define AQ_TESTS_LIB_PROGRAM_H

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* Where the binaries are that are tested. */
const char *program_build(void);
/* Starts a program, in a session of its own, that dies with us; what it says is added to the file `log`. */
pid_t program_start(char *const *arguments, const char *log);
/* The first line of a file that a program has written into its directory. */
bool program_wrote(const char *directory, const char *name, char *text, size_t size);

#endif

/* How a process ended, in the words that users read. */
#ifndef AQ_DRIVERS_KEEPER_EXIT_TEXT_H
#define AQ_DRIVERS_KEEPER_EXIT_TEXT_H

enum { EXIT_TEXT_SIZE = 64 };

/* "exit status 3", "killed by signal 9 (SIGKILL)". Returns the exit status; after a signal, 128 and its number. */
int exit_describe(int wait_status, char text[EXIT_TEXT_SIZE]);

#endif

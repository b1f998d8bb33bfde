/* The files of the controller's keyring: they are on its disk, and an operator may lose them. */
#ifndef AQ_TESTS_SIM_KEYRING_FILES_H
#define AQ_TESTS_SIM_KEYRING_FILES_H

#include "tests/sim/judge.h"

/* The key of each epoch that has begun and not ended is there, unless the operator has lost it. */
void keyring_files_check(const struct judge *judge, const char *data);
/* That of an epoch that has ended; "": no such key is there. */
const char *keyring_files_left(const struct judge *judge, const char *data);

/* While the controller does not run. All keys are put away, or come back. */
void keyring_files_lose(struct judge *judge, const char *data);
void keyring_files_restore(struct judge *judge, const char *data);

#endif

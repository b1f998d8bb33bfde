/* What the program under test writes into the journal, which is standard error. */
#ifndef AQ_TESTS_LIB_JOURNAL_H
#define AQ_TESTS_LIB_JOURNAL_H

#include "schema/base/journal.h"

#include <stdio.h>

struct test_journal {
    FILE *file;
    int kept; /* standard error */
};

/* From here on, lines of this level and above go into a file of the test's own. */
void test_journal_catch(struct test_journal *journal, enum aq_journal_level level);
/* Standard error is again what it was, for errors alone. Returns how many lines contain the words. */
int test_journal_release(struct test_journal *journal, const char *words);

#endif

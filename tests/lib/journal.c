#include "tests/lib/journal.h"

#include "tests/lib/cmocka.h"

#include <string.h>
#include <unistd.h>

void test_journal_catch(struct test_journal *journal, enum aq_journal_level level)
{
    journal->file = tmpfile();
    assert_non_null(journal->file);
    journal->kept = dup(STDERR_FILENO);
    dup2(fileno(journal->file), STDERR_FILENO);
    aq_journal_open("test", level);
}

int test_journal_release(struct test_journal *journal, const char *words)
{
    char line[512];
    int told = 0;
    aq_journal_open("test", AQ_ERROR);
    dup2(journal->kept, STDERR_FILENO);
    close(journal->kept);
    rewind(journal->file);
    while (fgets(line, sizeof line, journal->file) != NULL)
        told += strstr(line, words) != NULL;
    fclose(journal->file);
    return told;
}

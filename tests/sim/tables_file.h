/* The file of the controller's tables, as a power cut leaves it: it is written without sync, so of each page the disk
 * may have an older form, or nothing. */
#ifndef AQ_TESTS_SIM_TABLES_FILE_H
#define AQ_TESTS_SIM_TABLES_FILE_H

#include "schema/base/memory.h"
#include "tests/sim/sim.h"

struct tables_file {
    struct sim *sim;
    struct aq_buffer old; /* its contents at some moment since the tables were opened */
    bool open;            /* they have not been closed with everything on disk */
};

/* The path, and that of the directory for lmdb_mark_open(). */
#define TABLES_DIRECTORY "controller/state/current"

void tables_file_note(struct tables_file *file); /* keeps it as it is now */
void tables_file_tear(struct tables_file *file);
void tables_file_free(struct tables_file *file);

#endif

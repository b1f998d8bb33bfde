/* How a program is called, declared once beside its settings: --help prints it, and its manual page is made of it. */
#ifndef AQ_SCHEMA_BASE_USAGE_H
#define AQ_SCHEMA_BASE_USAGE_H

#include "schema/base/memory.h"

struct aq_usage_option {
    const char *spelling; /* "--set KEY=VALUE"; NULL behind the last */
    const char *help;
};

struct aq_usage {
    const char *program;       /* "aq-controller" */
    const char *purpose;       /* what it is for, in one line */
    const char *const *forms;  /* what may follow its name, each way on its own; ends with NULL */
    const char *const *notes;  /* sentences about signals, exit status and the like; ends with NULL */
    const char *settings_file; /* where settings are read from when no other file is named */
    struct aq_usage_option options[16];
};

void aq_usage_print(const struct aq_usage *usage, struct aq_buffer *out);

#endif

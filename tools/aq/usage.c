#include "tools/aq/usage.h"

#include "tools/aq/options.h"
#include "tools/aq/say.h"

#include <stddef.h>

#define NUMBER_OF(value) #value
#define NUMBER(value)    NUMBER_OF(value)

/* The preprocessor cannot print enumerations, so their numbers are repeated here and compared. */
#define TIMEOUT_S 30
#define WAIT_S    300
_Static_assert(TIMEOUT_S == CLI_TIMEOUT_S && WAIT_S == CLI_WAIT_S, "the help must name the actual values");
_Static_assert(CLI_DONE == 0 && CLI_FAILED == 1 && CLI_USAGE == 2 && CLI_REFUSED == 3 && CLI_SERVER == 4,
               "the help must name the actual values");

const struct cli_usage_line cli_examples[] = {
    {"aq applications", "a table of those that are open; -a: of all"},
    {"aq applications --status=NEW,ELECTED --label='m*'", "of some"},
    {"aq run mac", "create one, and wait until it runs"},
    {"aq run tests --attach", "and until its end, with its output and its exit status"},
    {"aq logs 7 -f", "what it prints"},
    {"aq application 7", "everything about one"},
    {"aq application 7 why", "which nodes were considered, and why"},
    {"aq top", "what nodes and workloads use"},
    {"aq applications deallocate 7 8 --wait", "deallocate two"},
    {"aq labels create -f label.yml", "create a label from a file"},
    {"aq doctor --fix-hints", "is this machine fit for Aquarium?"},
    {"aq NOUN --help", "its verbs, and what they take"},
    {NULL, NULL},
};

const struct cli_usage_line cli_environment[] = {
    {"AQ_CONTEXT", "name of a context (aq context --help); else the one in use"},
    {"AQ_SERVER", "address of a controller; else that of the context, or " CLI_SERVER_DEFAULT},
    {"AQ_USER", "user to act as; else that of the context, or whose token it is; at a socket, your account's"},
    {"AQ_TOKEN", "the user's token"},
    {"AQ_TOKEN_FILE", "file that contains it; else that of the context; at a socket, none is needed"},
    {"AQ_FINGERPRINT", "fingerprint of the authority that vouches for an https server; else that of the context"},
    {"AQ_AUTHORITY_FILE", "file with certificates of such authorities; else those of the context, or of this machine"},
    {"VISUAL", "the editor of aq labels edit; else EDITOR, or vi"},
    {"NO_COLOR", "no colours, even on a terminal"},
    {NULL, NULL},
};

const struct cli_usage_line cli_exits[] = {
    {"0", "done"},
    {"1", "what was asked for failed: an application is in ERROR, a wait took too long, the log is damaged"},
    {"2", "aq was called wrongly; nothing was sent"},
    {"3", "the server refused the request"},
    {"4", "the server failed, does not answer, or is not the one that it should be"},
    {"124, 125", "of aq wait and aq run --attach: the time is over; the workload never ran. Else they exit as it did"},
    {"128 + n", "aq run was interrupted by signal n, and has given back what it asked for"},
    {NULL, NULL},
};

const char *const cli_flag_notes[] = {
    "-f is --file with verbs that create or update, else --follow.",
    "A request is given up after " NUMBER(TIMEOUT_S) " s, a wait after " NUMBER(
        WAIT_S) " s, unless --timeout says otherwise.",
    NULL,
};

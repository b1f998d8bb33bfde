#include "tools/aq/usage.h"

#include "tools/aq/options.h"
#include "tools/aq/say.h"

#include <stddef.h>

#define NUMBER_OF(value) #value
#define NUMBER(value)    NUMBER_OF(value)

/* Enumerations are no text for the preprocessor: so the numbers stand here once more, and are compared. */
#define TIMEOUT_S 30
#define WAIT_S    300
_Static_assert(TIMEOUT_S == CLI_TIMEOUT_S && WAIT_S == CLI_WAIT_S, "what the help says must be so");
_Static_assert(CLI_DONE == 0 && CLI_FAILED == 1 && CLI_USAGE == 2 && CLI_REFUSED == 3 && CLI_SERVER == 4,
               "what the help says must be so");

const struct cli_usage_line cli_examples[] = {
    {"aq applications", "a table of all"},
    {"aq applications --status=NEW --label='m*'", "of some"},
    {"aq run mac", "ask for one, and wait until it runs"},
    {"aq application 7", "everything about one"},
    {"aq application 7 why", "which nodes were looked at"},
    {"aq applications deallocate 7 8 --wait", "give back two"},
    {"aq labels create -f label.yml", "make a label from a file"},
    {"aq doctor --fix-hints", "is this machine fit for Aquarium?"},
    {"aq NOUN --help", "its verbs, and what they take"},
    {NULL, NULL},
};

const struct cli_usage_line cli_environment[] = {
    {"AQ_SERVER", "address of a controller; else " CLI_SERVER_DEFAULT},
    {"AQ_USER", "who asks; else " CLI_USER_DEFAULT},
    {"AQ_TOKEN", "the user's token"},
    {"AQ_TOKEN_FILE", "file that holds it; else " CLI_TOKEN_FILE_DEFAULT},
    {"NO_COLOR", "no colours, even on a terminal"},
    {NULL, NULL},
};

const struct cli_usage_line cli_exits[] = {
    {"0", "done"},
    {"1", "what was asked for failed: an application is in ERROR, a wait took too long, the log is damaged"},
    {"2", "aq was called wrongly; nothing was sent"},
    {"3", "the server refused: the request's fault"},
    {"4", "the server's fault, or it does not answer"},
    {NULL, NULL},
};

const char *const cli_flag_notes[] = {
    "-f is --file with verbs that create or update, else --follow.",
    "A request is given up after " NUMBER(TIMEOUT_S) " s, a wait after " NUMBER(
        WAIT_S) " s, unless --timeout says otherwise.",
    NULL,
};

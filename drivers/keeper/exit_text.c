#include "drivers/keeper/exit_text.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

int exit_describe(int wait_status, char text[EXIT_TEXT_SIZE])
{
    if (!WIFSIGNALED(wait_status)) {
        snprintf(text, EXIT_TEXT_SIZE, "exit status %d", WEXITSTATUS(wait_status));
        return WEXITSTATUS(wait_status);
    }
    const int number = WTERMSIG(wait_status);
    const char *name = sigabbrev_np(number);
    snprintf(text, EXIT_TEXT_SIZE, "killed by signal %d%s%s%s", number, name != NULL ? " (SIG" : "",
             name != NULL ? name : "", name != NULL ? ")" : "");
    return 128 + number;
}

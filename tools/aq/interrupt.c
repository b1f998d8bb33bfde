#include "tools/aq/interrupt.h"

#include "schema/base/clock.h"

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

/* timeout(1) sends its signal to the command and then to its whole group, so one end comes as two signals. */
enum { TOGETHER_MS = 500 };

static volatile sig_atomic_t came;
static volatile uint64_t
    first_ms; /* when the first signal came; 0: none has. Only note() uses it while signals come. */

static void note(int number)
{
    const uint64_t now_ms = aq_clock_ms();
    if (first_ms != 0 && now_ms - first_ms >= TOGETHER_MS) {
        signal(number, SIG_DFL);
        raise(number); /* ends this process as soon as the handler has returned */
        return;
    }
    if (first_ms == 0) {
        first_ms = now_ms;
        came = number; /* not again within that time: cli_interrupt_clear() may have answered it by then */
    }
}

void cli_interrupt_catch(void)
{
    struct sigaction action = {.sa_handler = note};
    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, SIGINT);
    sigaddset(&action.sa_mask, SIGTERM);
    sigaddset(&action.sa_mask, SIGHUP);
    came = 0;
    first_ms = 0;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGHUP, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
}

int cli_interrupted(void)
{
    return came;
}

void cli_interrupt_clear(void)
{
    came = 0;
}

void cli_interrupt_end(void)
{
    signal(came, SIG_DFL);
    raise(came);
}

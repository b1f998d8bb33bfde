#include "tools/aq/prompt.h"

#include "tools/aq/interrupt.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

bool cli_prompt_is_possible(void)
{
    return isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
}

/* Byte by byte, so that nothing behind the line is taken. False as cli_prompt(). */
static bool read_line(char *out, size_t size)
{
    size_t used = 0;
    for (;;) {
        char c;
        ssize_t got = read(STDIN_FILENO, &c, 1);
        if (got < 0 && errno == EINTR && cli_interrupted() == 0)
            continue;
        if (got <= 0 || used + 1 >= size)
            return false;
        if (c == '\n')
            break;
        out[used++] = c;
    }
    out[used] = '\0';
    return strlen(out) == used;
}

bool cli_prompt(const char *question, bool hidden, char *out, size_t size)
{
    struct termios shown, silent;
    cli_interrupt_catch();
    fputs(question, stderr);
    fflush(stderr);
    hidden = hidden && tcgetattr(STDIN_FILENO, &shown) == 0;
    if (hidden) {
        silent = shown;
        silent.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent);
    }
    bool good = read_line(out, size);
    if (hidden) {
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
        fputs("\n", stderr);
    }
    if (cli_interrupted() != 0)
        cli_interrupt_end();
    return good;
}

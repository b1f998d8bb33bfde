/* aq-output keeps the output of a workload: it reads standard input to its end, and writes it into the workload's
 * directory, in files of limited size (drivers/output.h).
 *
 *     command 2>&1 | aq-output DIRECTORY [SIZE [FILES]] */
#include "drivers/keeper/log.h"
#include "schema/base/files.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 65536, SIZE_LEAST = 4096, SIZE_MOST = 1 << 30 };

static unsigned long read_number(const char *text, const char *what, unsigned long least, unsigned long most)
{
    char *end;
    const unsigned long number = strtoul(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || number < least || number > most) {
        fprintf(stderr, "aq-output: %s is \"%s\", but must be a number from %lu to %lu\n", what, text, least, most);
        exit(2);
    }
    return number;
}

int main(int argc, char **argv)
{
    static char bytes[CHUNK];
    struct keeper_log log;
    struct aq_error error;
    if (argc < 2 || argc > 4 || argv[1][0] == '-') {
        fprintf(stderr, "usage: COMMAND 2>&1 | aq-output DIRECTORY [SIZE [FILES]]\n");
        return 2;
    }
    const unsigned long size = argc > 2 ? read_number(argv[2], "SIZE", SIZE_LEAST, SIZE_MOST) : 1 << 20;
    const unsigned long files = argc > 3 ? read_number(argv[3], "FILES", 1, AQ_LOG_FILES_MAX) : 2;
    /* What stops the workload must not stop this before the workload has written its last. */
    signal(SIGTERM, SIG_IGN);
    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    AQ_CLEANUP_FD int directory = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) {
        fprintf(stderr, "aq-output: %s: %s\n", argv[1], strerror(errno));
        return 1;
    }
    if (keeper_log_open(&log, directory, size, (unsigned)files, &error) != 0) {
        fprintf(stderr, "aq-output: %s: %s\n", argv[1], error.message);
        return 1;
    }
    for (ssize_t length; (length = read(STDIN_FILENO, bytes, sizeof bytes)) != 0;)
        if (length > 0)
            keeper_log_write(&log, bytes, (size_t)length);
        else if (errno != EINTR)
            return 1;
    keeper_log_close(&log);
    return 0;
}

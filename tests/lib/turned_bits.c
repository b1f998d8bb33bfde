#include "tests/lib/turned_bits.h"
#include "controller/lmdb/guard.h"
#include "schema/base/compiler.h"
#include "tests/lib/cmocka.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

void flip_bit(const char *path, off_t offset, unsigned bit)
{
    unsigned char byte;
    int fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pread(fd, &byte, 1, offset), 1);
    byte ^= (unsigned char)(1u << bit);
    assert_int_equal(pwrite(fd, &byte, 1, offset), 1);
    close(fd);
}

struct turned_bit draw_bit(struct chance *chance, uint64_t pages, unsigned within)
{
    off_t page = (off_t)chance_below(chance, pages) * TURNED_PAGE;
    return (struct turned_bit){page + (off_t)chance_below(chance, within), (unsigned)chance_below(chance, 8)};
}

int run_reader(void (*read_it)(const void *context), const void *context, char words[LAST_WORDS_SIZE])
{
    const int signals[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL}; /* cmocka has handlers for them */
    int ends[2], status;
    size_t length = 0;
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(ends[1], 2);
        close(ends[0]);
        close(ends[1]);
        for (size_t i = 0; i < AQ_LENGTH(signals); i++)
            signal(signals[i], SIG_DFL);
        lmdb_guard_signals("test");
        setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
        alarm(20);
        read_it(context);
        abort();
    }
    close(ends[1]);
    for (ssize_t got;
         length < LAST_WORDS_SIZE - 1 && (got = read(ends[0], words + length, LAST_WORDS_SIZE - 1 - length)) > 0;)
        length += (size_t)got;
    words[length] = '\0';
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

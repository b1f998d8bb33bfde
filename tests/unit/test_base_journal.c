/* Nothing waits for standard error: what it does not take is dropped, counted and told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "schema/base/clock.h"
#include "schema/base/journal.h"
#include "schema/base/stderr.h"

#include <errno.h>
#include <fcntl.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { GIVE_UP_S = 60, DRAINED_SIZE = 1 << 20 };

/* What standard error is for a test, and the end that nobody reads. */
struct place {
    int read_end, write_end;
};

static int real_stderr = -1;
static char drained[DRAINED_SIZE];

/* From here until restore(), a test must not print. */
static void redirect(int fd)
{
    real_stderr = dup(STDERR_FILENO);
    dup2(fd, STDERR_FILENO);
    alarm(GIVE_UP_S); /* a write that blocks ends the test */
}

static void restore(void)
{
    dup2(real_stderr, STDERR_FILENO);
    close(real_stderr);
    alarm(0);
}

static struct place make_pipe(void)
{
    int ends[2];
    assert_return_code(pipe2(ends, O_CLOEXEC), errno);
    return (struct place){ends[0], ends[1]};
}

static struct place make_socket(void)
{
    int ends[2];
    assert_return_code(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), errno);
    return (struct place){ends[0], ends[1]};
}

static struct place make_terminal(void)
{
    struct place place;
    assert_return_code(openpty(&place.read_end, &place.write_end, NULL, NULL, NULL), errno);
    return place;
}

/* Writes messages until one is dropped; returns how many were dropped. */
static uint64_t fill(void)
{
    uint64_t before = aq_journal_dropped();
    char words[1000];
    memset(words, 'x', sizeof words - 1);
    words[sizeof words - 1] = '\0';
    for (int i = 0; i < 10000 && aq_journal_dropped() < before + 5; i++)
        aq_journal(AQ_INFO, "filling", "with", words, NULL);
    return aq_journal_dropped() - before;
}

/* Appends what there is to read to `drained`. */
static void drain(int fd)
{
    size_t length = strlen(drained);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    for (ssize_t got;
         length < sizeof drained - 1 && (got = read(fd, drained + length, sizeof drained - 1 - length)) > 0;)
        length += (size_t)got;
    drained[length] = '\0';
}

/* The sum of all numbers of dropped messages that were told: a line with one may still fit where a message does not. */
static uint64_t sum_told(void)
{
    static const char told[] = "standard error took no more count=";
    uint64_t sum = 0;
    for (const char *at = drained; (at = strstr(at, told)) != NULL;) {
        at += strlen(told);
        sum += strtoull(at, NULL, 10);
    }
    return sum;
}

static void nothing_waits_for(struct place place)
{
    int flags = fcntl(place.write_end, F_GETFL);
    drained[0] = '\0';
    redirect(place.write_end);
    uint64_t count = fill();
    drain(place.read_end);
    aq_journal(AQ_INFO, "works again", NULL);
    aq_journal(AQ_INFO, "for good", NULL);
    drain(place.read_end);
    restore();
    assert_int_equal(count, 5);
    assert_int_equal(sum_told(), 5);
    const char *again = strstr(drained, "works again");
    assert_non_null(again);
    assert_non_null(strstr(again, "for good"));
    assert_null(strstr(again, "took no more"));
    assert_int_equal(fcntl(place.write_end, F_GETFL), flags); /* others share it */
    close(place.read_end);
    close(place.write_end);
}

static void nothing_waits_for_a_pipe(void **context)
{
    (void)context;
    nothing_waits_for(make_pipe());
}

static void nothing_waits_for_a_socket(void **context)
{
    (void)context;
    nothing_waits_for(make_socket());
}

static void nothing_waits_for_a_terminal(void **context)
{
    (void)context;
    nothing_waits_for(make_terminal());
}

/* Then the pipe cannot be opened anew, and is written as it is. */
static void nothing_waits_when_no_descriptor_is_left(void **context)
{
    (void)context;
    struct place place = make_pipe();
    struct rlimit limit, none;
    assert_return_code(getrlimit(RLIMIT_NOFILE, &limit), errno);
    none = (struct rlimit){STDERR_FILENO + 1, limit.rlim_max};
    drained[0] = '\0';
    redirect(place.write_end);
    setrlimit(RLIMIT_NOFILE, &none);
    uint64_t count = fill();
    setrlimit(RLIMIT_NOFILE, &limit);
    drain(place.read_end);
    aq_journal(AQ_INFO, "works again", NULL);
    drain(place.read_end);
    restore();
    assert_int_equal(count, 5);
    assert_int_equal(sum_told(), 5);
    assert_non_null(strstr(drained, "filling"));
    assert_non_null(strstr(drained, "works again"));
    close(place.read_end);
    close(place.write_end);
}

/* Each line is whole, also from several threads: a pipe takes at most AQ_STDERR_MAX bytes in one piece. */
static void a_long_line_is_cut(void **context)
{
    (void)context;
    char words[2 * AQ_STDERR_MAX];
    struct place place = make_pipe();
    memset(words, 'y', sizeof words - 1);
    words[sizeof words - 1] = '\0';
    drained[0] = '\0';
    redirect(place.write_end);
    aq_journal(AQ_INFO, "long", "words", words, NULL);
    drain(place.read_end);
    restore();
    assert_int_equal(strlen(drained), AQ_STDERR_MAX);
    assert_string_equal(drained + AQ_STDERR_MAX - 6, "yy...\n");
    close(place.read_end);
    close(place.write_end);
}

static void a_file_is_written_as_it_is(void **context)
{
    (void)context;
    FILE *file = tmpfile();
    redirect(fileno(file));
    aq_journal(AQ_INFO, "one", NULL);
    aq_journal(AQ_INFO, "two", NULL);
    restore();
    rewind(file);
    drained[fread(drained, 1, sizeof drained - 1, file)] = '\0';
    fclose(file);
    assert_non_null(strstr(drained, "one\n"));
    assert_non_null(strstr(drained, "two\n"));
}

static uint64_t in_1980(void)
{
    return 315532800007;
}

static void the_time_can_be_given(void **context)
{
    (void)context;
    struct place place = make_pipe();
    drained[0] = '\0';
    aq_journal_set_clock(in_1980);
    redirect(place.write_end);
    aq_journal(AQ_INFO, "long ago", NULL);
    drain(place.read_end);
    restore();
    aq_journal_set_clock(aq_clock_wall_ms);
    assert_string_equal(drained, "1980-01-01T00:00:00.007Z info aquarium: long ago\n");
    close(place.read_end);
    close(place.write_end);
}

static void what_happens_often_is_told_now_and_then(void **context)
{
    (void)context;
    struct aq_journal_count count = {0};
    assert_int_equal(aq_journal_due(&count, 5000, 1000), 1);
    assert_int_equal(aq_journal_due(&count, 5000, 1000), 0);
    assert_int_equal(aq_journal_due(&count, 5999, 1000), 0);
    assert_int_equal(aq_journal_due(&count, 6000, 1000), 3);
    assert_int_equal(aq_journal_due(&count, 9000, 1000), 1);
}

static void a_closed_one_harms_nobody(void **context)
{
    (void)context;
    uint64_t before = aq_journal_dropped();
    redirect(STDERR_FILENO);
    close(STDERR_FILENO);
    aq_journal(AQ_INFO, "nowhere", NULL);
    restore();
    assert_int_equal(aq_journal_dropped(), before + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_waits_for_a_pipe),
        cmocka_unit_test(nothing_waits_for_a_socket),
        cmocka_unit_test(nothing_waits_for_a_terminal),
        cmocka_unit_test(nothing_waits_when_no_descriptor_is_left),
        cmocka_unit_test(a_long_line_is_cut),
        cmocka_unit_test(the_time_can_be_given),
        cmocka_unit_test(what_happens_often_is_told_now_and_then),
        cmocka_unit_test(a_file_is_written_as_it_is),
        cmocka_unit_test(a_closed_one_harms_nobody),
    };
    return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}

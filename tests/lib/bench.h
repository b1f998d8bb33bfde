/* The basis of the benchmarks: a clock, medians of interleaved rounds, results in one form, and a directory to work in.
 *
 * A benchmark is one program. It measures Aquarium and its baseline in turns, so that other load on the machine affects
 * both, and compares the medians. It prints one line for each result, with tabs between the fields, from which
 * tests/bench/run.sh makes a table:
 *
 *     RESULT  what  figure  baseline  ratio  wanted  ok|missed
 *
 * Everything else goes to standard error. When something cannot be measured, the program ends with status 1. */
#ifndef AQ_TESTS_LIB_BENCH_H
#define AQ_TESTS_LIB_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BENCH_PATH_SIZE = 256, BENCH_ROUNDS_MAX = 32 };

void bench_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Ends the program. The processes that it started end with it, see program.h. */
#define BENCH_DIE(...)                                                                                                 \
    do {                                                                                                               \
        bench_say(__VA_ARGS__);                                                                                        \
        exit(1);                                                                                                       \
    } while (0)

#define BENCH_MUST(condition)                                                                                          \
    do {                                                                                                               \
        if (!(condition))                                                                                              \
            BENCH_DIE("%s:%d: %s", __FILE__, __LINE__, #condition);                                                    \
    } while (0)

/* Seconds on the monotonic clock. */
double bench_now(void);

/* ---- figures ------------------------------------------------------------------------------------------- */

/* Sorts the figures. `share` 0.5 is the median. */
double bench_quantile(double *figures, size_t count, double share);

/* The figures of interleaved rounds. */
struct bench_rounds {
    double figures[BENCH_ROUNDS_MAX];
    size_t count;
};

void bench_round(struct bench_rounds *rounds, double figure);
double bench_median(const struct bench_rounds *rounds);

/* ---- results ------------------------------------------------------------------------------------------- */

enum bench_target { BENCH_AT_LEAST, BENCH_AT_MOST };

/* Prints figures against those of the baseline. The result is the median of the rounds' ratios: what disturbs the
 * machine for some seconds disturbs both figures of a round, or only a few rounds. */
void bench_ratio(const char *what, const char *unit, const struct bench_rounds *ours,
                 const struct bench_rounds *baseline, enum bench_target wish, double wanted);
/* Prints a figure that has no baseline. */
void bench_plain(const char *what, const char *unit, double figure, enum bench_target wish, double wanted);

/* ---- a directory --------------------------------------------------------------------------------------- */

/* Makes a directory below BENCH_DIRECTORY, which run.sh makes and removes, or else below /tmp, where it is left behind
 * if the program crashes. */
void bench_make_directory(char path[BENCH_PATH_SIZE]);

/* ---- processes ----------------------------------------------------------------------------------------- */

/* The number after a word in /proc/<pid>/<file>, such as "RssAnon:" in kB. */
double bench_proc_number(int pid, const char *file, const char *word);

#endif

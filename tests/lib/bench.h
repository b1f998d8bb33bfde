/* What every benchmark needs: clocks, medians of interleaved rounds, results in one form, and a directory to work in.
 *
 * A benchmark is one program. It measures Aquarium and its baseline in turns, so that whatever else the machine does
 * touches both, and compares the medians. It prints one line for each result, fields parted by tabs, which
 * tests/bench/run.sh makes a table of:
 *
 *     RESULT  what  figure  baseline  ratio  wanted  ok|missed
 *
 * Everything else goes to standard error. Whatever cannot be measured ends the program with status 1. */
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

/* Ends the program: what was started ends with it, see controller.h. */
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

/* Seconds. */
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

enum bench_wish { BENCH_AT_LEAST, BENCH_AT_MOST };

/* Figures against those of the baseline, round by round: what is wanted is the median of the rounds' ratios, for what
 * disturbs the machine for some seconds disturbs both of a round, or is one round of many. */
void bench_ratio(const char *what, const char *unit, const struct bench_rounds *ours,
                 const struct bench_rounds *baseline, enum bench_wish wish, double wanted);
/* A figure that stands for itself. */
void bench_plain(const char *what, const char *unit, double figure, enum bench_wish wish, double wanted);

/* ---- a directory --------------------------------------------------------------------------------------- */

/* Below BENCH_DIRECTORY, which run.sh makes and removes; without it below /tmp, where it stays if the program dies. */
void bench_make_directory(char path[BENCH_PATH_SIZE]);

/* ---- processes ----------------------------------------------------------------------------------------- */

/* A number of /proc/<pid>/<file> behind a word, such as "RssAnon:" in kB. */
double bench_proc_number(int pid, const char *file, const char *word);

#endif

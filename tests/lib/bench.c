#include "tests/lib/bench.h"
#include "schema/base/clock.h"
#include "tests/lib/directory.h"

#include <math.h>
#include <stdarg.h>

void bench_say(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("# ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
}

double bench_now(void)
{
    return (double)aq_clock_ns() / 1e9;
}

/* ---- figures ------------------------------------------------------------------------------------------- */

static int bench_compare(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return left < right ? -1 : left > right;
}

double bench_quantile(double *figures, size_t count, double share)
{
    BENCH_MUST(count > 0);
    qsort(figures, count, sizeof *figures, bench_compare);
    double place = share * (double)(count - 1);
    size_t below = (size_t)place;
    size_t above = below + 1 < count ? below + 1 : below;
    return figures[below] + (figures[above] - figures[below]) * (place - (double)below);
}

void bench_round(struct bench_rounds *rounds, double figure)
{
    BENCH_MUST(rounds->count < BENCH_ROUNDS_MAX);
    rounds->figures[rounds->count++] = figure;
}

double bench_median(const struct bench_rounds *rounds)
{
    struct bench_rounds sorted = *rounds;
    return bench_quantile(sorted.figures, sorted.count, 0.5);
}

/* ---- results ------------------------------------------------------------------------------------------- */

/* "12,345" or "0.123", with the unit. */
static const char *bench_text(char text[64], double figure, const char *unit)
{
    char digits[32];
    size_t used = 0;
    if (isnan(figure))
        return "-";
    if (fabs(figure) < 1000) {
        snprintf(text, 64, fabs(figure) < 1 ? "%.3f %s" : fabs(figure) < 100 ? "%.2f %s" : "%.0f %s", figure, unit);
        return text;
    }
    int length = snprintf(digits, sizeof digits, "%.0f", figure);
    for (int i = 0; i < length; i++) {
        text[used++] = digits[i];
        if ((length - 1 - i) % 3 == 0 && i + 1 < length && digits[i] != '-')
            text[used++] = ',';
    }
    snprintf(text + used, 64 - used, " %s", unit);
    return text;
}

static void bench_print(const char *what, const char *figure, const char *baseline, const char *ratio,
                        enum bench_target wish, const char *wanted, bool ok)
{
    printf("RESULT\t%s\t%s\t%s\t%s\t%s %s\t%s\n", what, figure, baseline, ratio,
           wish == BENCH_AT_LEAST ? "at least" : "at most", wanted, ok ? "ok" : "missed");
    fflush(stdout);
}

void bench_ratio(const char *what, const char *unit, const struct bench_rounds *ours,
                 const struct bench_rounds *baseline, enum bench_target wish, double wanted)
{
    char figure_text[64], baseline_text[64], ratio_text[64], wanted_text[64];
    struct bench_rounds ratios = {.count = 0};
    BENCH_MUST(ours->count == baseline->count);
    for (size_t i = 0; i < ours->count; i++)
        bench_round(&ratios, ours->figures[i] / baseline->figures[i]);
    double ratio = bench_median(&ratios);
    bool ok = wish == BENCH_AT_LEAST ? ratio >= wanted : ratio <= wanted;
    snprintf(ratio_text, sizeof ratio_text, "%.2f", ratio);
    snprintf(wanted_text, sizeof wanted_text, "%g", wanted);
    bench_print(what, bench_text(figure_text, bench_median(ours), unit),
                bench_text(baseline_text, bench_median(baseline), unit), ratio_text, wish, wanted_text, ok);
}

void bench_plain(const char *what, const char *unit, double figure, enum bench_target wish, double wanted)
{
    char figure_text[64], wanted_text[64];
    bool ok = wish == BENCH_AT_LEAST ? figure >= wanted : figure <= wanted;
    bench_print(what, bench_text(figure_text, figure, unit), "-", "-", wish, bench_text(wanted_text, wanted, unit), ok);
}

/* ---- a directory --------------------------------------------------------------------------------------- */

void bench_make_directory(char path[BENCH_PATH_SIZE])
{
    const char *parent = getenv("BENCH_DIRECTORY");
    test_make_directory(path, BENCH_PATH_SIZE, parent != NULL ? parent : "/tmp", "aq-bench");
}

/* ---- processes ----------------------------------------------------------------------------------------- */

double bench_proc_number(int pid, const char *file, const char *word)
{
    char path[64], line[256];
    double number = -1;
    snprintf(path, sizeof path, "/proc/%d/%s", pid, file);
    FILE *stream = fopen(path, "re");
    BENCH_MUST(stream != NULL);
    while (number < 0 && fgets(line, sizeof line, stream) != NULL)
        if (strncmp(line, word, strlen(word)) == 0)
            number = strtod(line + strlen(word), NULL);
    fclose(stream);
    BENCH_MUST(number >= 0);
    return number;
}

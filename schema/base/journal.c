#include "schema/base/journal.h"

#include "schema/base/clock.h"
#include "schema/base/memory.h"
#include "schema/base/stderr.h"
#include "schema/base/utf8.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static const char *program_name = "aquarium";
static uint64_t (*clock_wall_ms)(void) = aq_clock_wall_ms;
static _Atomic enum aq_journal_level least_level = AQ_INFO;
static atomic_uint_least64_t dropped, untold; /* messages; `untold` of them are not reported yet */

void aq_journal_open(const char *program, enum aq_journal_level least)
{
    program_name = program;
    aq_journal_set_level(least);
}

void aq_journal_set_level(enum aq_journal_level least)
{
    atomic_store(&least_level, least);
}

void aq_journal_set_clock(uint64_t (*wall_ms)(void))
{
    clock_wall_ms = wall_ms;
}

uint64_t aq_journal_dropped(void)
{
    return atomic_load(&dropped);
}

static bool is_plain(const char *value)
{
    for (const char *c = value; *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            return false;
    return !aq_utf8_has_harmful(value, strlen(value));
}

static void add_value(struct aq_buffer *line, const char *value)
{
    if (value[0] != '\0' && strpbrk(value, " \"=\\") == NULL && is_plain(value)) {
        aq_buffer_text(line, value);
        return;
    }
    aq_buffer_char(line, '"');
    for (const char *c = value; *c != '\0'; c++) {
        if (*c == '\n') {
            aq_buffer_text(line, "\\n");
            continue;
        }
        if (*c == '"' || *c == '\\')
            aq_buffer_char(line, '\\');
        unsigned code;
        size_t harmful = aq_utf8_harmful(c, strnlen(c, 4), &code);
        if (harmful > 0) {
            aq_buffer_format(line, "\\u%04x", code);
            c += harmful - 1;
            continue;
        }
        bool control = (unsigned char)*c < 0x20 || *c == 0x7F;
        aq_buffer_char(line, control ? ' ' : *c);
    }
    aq_buffer_char(line, '"');
}

static void begin_line(enum aq_journal_level level, const char *words, struct aq_buffer *line)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    uint64_t now_ms = clock_wall_ms();
    time_t now_s = (time_t)(now_ms / 1000);
    struct tm utc;
    char stamp[32];
    gmtime_r(&now_s, &utc);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
    aq_buffer_format(line, "%s.%03uZ %s %s: %s", stamp, (unsigned)(now_ms % 1000), names[level], program_name, words);
}

/* Ends the line, and cuts it if it is too long. */
static bool put_line(struct aq_buffer *line)
{
    static const char cut[] = "...";
    if (line->length >= AQ_STDERR_MAX) {
        line->length = AQ_STDERR_MAX - sizeof cut;
        aq_buffer_text(line, cut);
    }
    aq_buffer_char(line, '\n');
    return aq_stderr_put(line->data, line->length);
}

static void count_dropped(uint64_t lines, uint64_t before)
{
    atomic_fetch_add(&dropped, lines);
    atomic_fetch_add(&untold, lines + before);
}

/* Reports what was dropped before. */
static bool tell_dropped(uint64_t count)
{
    AQ_CLEANUP_BUFFER struct aq_buffer line = {0};
    begin_line(AQ_WARN, "messages were dropped: standard error took no more", &line);
    aq_buffer_format(&line, " count=%" PRIu64, count);
    return put_line(&line);
}

void aq_journal(enum aq_journal_level level, const char *words, ...)
{
    if (level < atomic_load(&least_level))
        return;
    AQ_CLEANUP_BUFFER struct aq_buffer line = {0};
    begin_line(level, words, &line);
    va_list args;
    va_start(args, words);
    for (const char *name; (name = va_arg(args, const char *)) != NULL;) {
        const char *value = va_arg(args, const char *);
        aq_buffer_format(&line, " %s=", name);
        add_value(&line, value ? value : "");
    }
    va_end(args);
    uint64_t before = atomic_exchange(&untold, 0);
    if (before > 0 && !tell_dropped(before))
        count_dropped(1, before);
    else if (!put_line(&line))
        count_dropped(1, 0);
}

uint64_t aq_journal_due(struct aq_journal_count *count, uint64_t now_ms, uint64_t every_ms)
{
    const uint64_t times = ++count->untold;
    if (count->told_ms != 0 && now_ms - count->told_ms < every_ms)
        return 0;
    *count = (struct aq_journal_count){.told_ms = now_ms};
    return times;
}

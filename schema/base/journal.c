#include "schema/base/journal.h"

#include "schema/base/clock.h"
#include "schema/base/memory.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *program_name = "aquarium";
static enum aq_journal_level least_level = AQ_INFO;

void aq_journal_open(const char *program, enum aq_journal_level least)
{
    program_name = program;
    least_level = least;
}

static void add_value(struct aq_buffer *line, const char *value)
{
    if (value[0] != '\0' && strpbrk(value, " \t\r\n\"=\\") == NULL) {
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
        aq_buffer_char(line, *c == '\r' || *c == '\t' ? ' ' : *c);
    }
    aq_buffer_char(line, '"');
}

void aq_journal(enum aq_journal_level level, const char *words, ...)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    if (level < least_level)
        return;
    uint64_t now_ms = aq_clock_wall_ms();
    time_t now_s = (time_t)(now_ms / 1000);
    struct tm utc;
    char stamp[32];
    gmtime_r(&now_s, &utc);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);

    AQ_CLEANUP_BUFFER struct aq_buffer line = {0};
    aq_buffer_format(&line, "%s.%03uZ %s %s: %s", stamp, (unsigned)(now_ms % 1000), names[level], program_name, words);
    va_list args;
    va_start(args, words);
    for (const char *name; (name = va_arg(args, const char *)) != NULL;) {
        const char *value = va_arg(args, const char *);
        aq_buffer_format(&line, " %s=", name);
        add_value(&line, value ? value : "");
    }
    va_end(args);
    aq_buffer_char(&line, '\n');
    ssize_t ignored = write(STDERR_FILENO, line.data, line.length);
    (void)ignored;
}

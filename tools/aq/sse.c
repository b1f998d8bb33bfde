#include "tools/aq/sse.h"

#include <stdlib.h>
#include <string.h>

static void end_event(struct cli_sse *sse, cli_sse_fn *event, void *context)
{
    if (sse->has_data)
        event(context, &(struct cli_sse_event){.id = sse->id,
                                               .name = sse->name.length ? sse->name.data : "message",
                                               .data = aq_buffer_string(&sse->data),
                                               .length = sse->data.length});
    aq_buffer_reset(&sse->data);
    aq_buffer_reset(&sse->name);
    sse->id = 0;
    sse->has_data = false;
}

static bool end_line(struct cli_sse *sse, cli_sse_fn *event, void *context)
{
    const char *line = aq_buffer_string(&sse->line);
    if (line[0] == '\0') {
        end_event(sse, event, context);
        return true;
    }
    size_t length = strcspn(line, ":");
    const char *value = line + length + (line[length] == ':');
    value += *value == ' ';
    if (strncmp(line, "data", length) == 0 && length == 4) {
        if (sse->data.length + strlen(value) > CLI_SSE_LINE_MAX)
            return false;
        if (sse->has_data)
            aq_buffer_char(&sse->data, '\n');
        aq_buffer_text(&sse->data, value);
        sse->has_data = true;
    } else if (strncmp(line, "event", length) == 0 && length == 5) {
        aq_buffer_reset(&sse->name);
        aq_buffer_text(&sse->name, value);
    } else if (strncmp(line, "id", length) == 0 && length == 2) {
        sse->id = strtoull(value, NULL, 10);
    }
    return true;
}

bool cli_sse_feed(struct cli_sse *sse, const char *bytes, size_t length, cli_sse_fn *event, void *context)
{
    for (size_t i = 0; i < length; i++) {
        char c = bytes[i];
        bool second_half = c == '\n' && sse->after_return;
        sse->after_return = c == '\r';
        if (second_half)
            continue;
        if (c == '\r' || c == '\n') {
            bool fits = end_line(sse, event, context);
            aq_buffer_reset(&sse->line);
            if (!fits)
                return false;
            continue;
        }
        size_t run = i;
        while (run < length && bytes[run] != '\r' && bytes[run] != '\n')
            run++;
        if (sse->line.length + (run - i) > CLI_SSE_LINE_MAX)
            return false;
        aq_buffer_add(&sse->line, bytes + i, run - i);
        i = run - 1;
    }
    return true;
}

void cli_sse_close(struct cli_sse *sse)
{
    aq_buffer_free(&sse->line);
    aq_buffer_free(&sse->data);
    aq_buffer_free(&sse->name);
    *sse = (struct cli_sse){0};
}

#include "drivers/container/facts.h"

#include "schema/base/files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_SIZE = 2048 };

static const char file_name[] = "container";

/* A line for each: the word, a blank, the value. */
static void add_line(struct aq_buffer *text, const char *word, const char *value)
{
    aq_buffer_format(text, "%s %s\n", word, value);
}

int container_facts_write(int directory, const struct container_facts *facts, struct aq_error *error)
{
    AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
    char number[16];
    snprintf(number, sizeof number, "%d", facts->stop_signal);
    add_line(&text, "image", facts->image);
    add_line(&text, "runtime", facts->runtime);
    add_line(&text, "name", facts->name);
    add_line(&text, "ip_addr", facts->ip_addr);
    add_line(&text, "hw_addr", facts->hw_addr);
    add_line(&text, "stop_signal", number);
    add_line(&text, "own_groups", facts->own_groups ? "1" : "0");
    return aq_file_replace_unsynced(directory, file_name, 0600, text.data, text.length, error);
}

static void read_line(const char *text, const char *word, char *value, size_t size)
{
    size_t length = strlen(word);
    value[0] = '\0';
    for (const char *line = text; line != NULL; line = strchr(line, '\n')) {
        line += line[0] == '\n';
        if (strncmp(line, word, length) == 0 && line[length] == ' ') {
            snprintf(value, size, "%.*s", (int)strcspn(line + length + 1, "\n"), line + length + 1);
            return;
        }
    }
}

int container_facts_read(int directory, struct container_facts *facts, struct aq_error *error)
{
    char text[FILE_SIZE], number[16];
    *facts = (struct container_facts){0};
    if (aq_file_read_text(directory, file_name, text, sizeof text) < 0)
        return aq_fail_errno(error, errno, "file %s", file_name);
    read_line(text, "image", facts->image, sizeof facts->image);
    read_line(text, "runtime", facts->runtime, sizeof facts->runtime);
    read_line(text, "name", facts->name, sizeof facts->name);
    read_line(text, "ip_addr", facts->ip_addr, sizeof facts->ip_addr);
    read_line(text, "hw_addr", facts->hw_addr, sizeof facts->hw_addr);
    read_line(text, "stop_signal", number, sizeof number);
    facts->stop_signal = atoi(number);
    read_line(text, "own_groups", number, sizeof number);
    facts->own_groups = atoi(number) != 0;
    return 0;
}

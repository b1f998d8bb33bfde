#include "schema/base/usage.h"

#include <string.h>

void aq_usage_print(const struct aq_usage *usage, struct aq_buffer *out)
{
    int width = 0;
    const struct aq_usage_option *option;
    aq_buffer_format(out, "%s: %s\n\n", usage->program, usage->purpose);
    for (const char *const *form = usage->forms; *form != NULL; form++)
        aq_buffer_format(out, "  %s %s\n", usage->program, *form);
    aq_buffer_char(out, '\n');
    for (option = usage->options; option->spelling != NULL; option++)
        width = (int)strlen(option->spelling) > width ? (int)strlen(option->spelling) : width;
    for (option = usage->options; option->spelling != NULL; option++)
        aq_buffer_format(out, "  %-*s  %s\n", width, option->spelling, option->help);
    aq_buffer_char(out, '\n');
    for (const char *const *note = usage->notes; *note != NULL; note++)
        aq_buffer_format(out, "%s\n", *note);
}

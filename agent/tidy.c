#include "agent/tidy.h"

#include "schema/base/memory.h"
#include "schema/base/utf8.h"

#include <stdbool.h>
#include <string.h>

char *tidy_copy(const char *text, size_t most)
{
    size_t length = strnlen(text, most);
    char *copy = aq_malloc(length + 1);
    memcpy(copy, text, length);
    copy[length] = '\0';
    for (size_t i = 0; i < length;) {
        size_t size = 1;
        while (size <= 4 && i + size <= length && !aq_utf8_is_good(copy + i, size))
            size++;
        bool good = size <= 4 && i + size <= length;
        if (!good || (unsigned char)copy[i] < ' ' || copy[i] == 0x7F) {
            copy[i] = good && copy[i] == '\n' ? ' ' : '?';
            size = 1;
        }
        i += size;
    }
    return copy;
}

#include "schema/codec/json_string.h"

#include "schema/base/put.h"
#include "schema/base/utf8.h"

/* Escapes the character at `at`, which is moved to its last byte, if it must not be shown as it is. Returns the first
 * byte that is not written yet. */
static size_t add_if_harmful(const char *text, size_t length, size_t plain, size_t *at, struct aq_buffer *out)
{
    unsigned code;
    size_t size = aq_utf8_harmful(text + *at, length - *at, &code);
    if (size == 0)
        return plain;
    aq_buffer_add(out, text + plain, *at - plain);
    aq_buffer_format(out, "\\u%04x", code);
    *at += size - 1;
    return *at + 1;
}

void aq_json_copy(const char *text, size_t length, struct aq_buffer *out)
{
    size_t plain = 0;
    for (size_t i = 0; i < length; i++)
        if ((unsigned char)text[i] >= 0x80)
            plain = add_if_harmful(text, length, plain, &i, out);
    aq_buffer_add(out, text + plain, length - plain);
}

void aq_json_string_rest(const char *text, size_t length, struct aq_buffer *out)
{
    size_t plain = 0; /* bytes since the last escape */
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c >= 0x80) {
            plain = add_if_harmful(text, length, plain, &i, out);
            continue;
        }
        if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7F)
            continue;
        aq_buffer_add(out, text + plain, i - plain);
        plain = i + 1;
        if (c == '"' || c == '\\')
            aq_buffer_format(out, "\\%c", c);
        else if (c == '\n')
            aq_buffer_text(out, "\\n");
        else if (c == '\t')
            aq_buffer_text(out, "\\t");
        else
            aq_buffer_format(out, "\\u%04x", c);
    }
    aq_buffer_add(out, text + plain, length - plain);
    aq_buffer_char(out, '"');
}

void aq_json_string(const char *text, size_t length, struct aq_buffer *out)
{
    aq_buffer_room(out, length + 2);
    char *at = out->data + out->length;
    *at++ = '"';
    if (aq_put_clean(at, text, length, false)) {
        at[length] = '"';
        aq_buffer_put(out, at + length + 1);
    } else {
        aq_buffer_put(out, at);
        aq_json_string_rest(text, length, out);
    }
}

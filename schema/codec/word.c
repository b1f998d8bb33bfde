#include "schema/codec/word.h"

#include "schema/codec/json_string.h"

#include <string.h>

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* Reads quoted text, which begins after the opening quote. Returns the end of it, after the closing quote; NULL if
 * there is none. */
static const char *read_quoted(const char *c, const char *end, char quote, struct aq_word *word)
{
    for (; c < end && *c != quote; c++) {
        if (quote == '"' && *c == '\\' && end - c > 1 && (c[1] == '"' || c[1] == '\\'))
            c++;
        aq_buffer_char(&word->text, *c);
    }
    return c < end ? c + 1 : NULL;
}

int aq_word_read(const char **cursor, const char *end, struct aq_word *word, struct aq_error *error)
{
    const char *c = *cursor;
    aq_buffer_reset(&word->text);
    aq_buffer_text(&word->text, "");
    word->has_equals = false;
    while (c < end && is_blank(*c))
        c++;
    const bool found = c < end;
    while (c < end && !is_blank(*c)) {
        if (*c == '\'' || *c == '"') {
            char quote = *c;
            c = read_quoted(c + 1, end, quote, word);
            if (c == NULL)
                return aq_fail(error, AQ_E_INVALID, "a quote (%c) is not closed", quote);
            continue;
        }
        if (*c == '\\') {
            if (++c == end)
                return aq_fail(error, AQ_E_INVALID, "the line ends in a backslash");
        } else if (*c == '=' && !word->has_equals) {
            word->has_equals = true;
            word->equals = word->text.length;
        }
        aq_buffer_char(&word->text, *c++);
    }
    *cursor = c;
    return found;
}

int aq_arguments_from_text(const char *text, struct aq_list *list, struct aq_arena *arena, struct aq_error *error)
{
    const char *end = text + strlen(text), *c = text;
    struct aq_word word = {0};
    size_t capacity = 0;
    int got;
    *list = (struct aq_list){0};
    while ((got = aq_word_read(&c, end, &word, error)) > 0) {
        if (list->count == capacity) {
            const size_t wider = capacity > 0 ? capacity * 2 : 16;
            const char **items = aq_arena_alloc(arena, wider * sizeof *items);
            if (list->count > 0)
                memcpy(items, list->items, list->count * sizeof *items);
            list->items = items;
            capacity = wider;
        }
        AQ_TEXT_ITEM(*list, list->count++) = aq_arena_text(arena, word.text.data, word.text.length);
    }
    aq_buffer_free(&word.text);
    return got;
}

/* Is it read as it is, by every shell? */
static bool is_plain(const char *text)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";
    return text[0] != '\0' && text[strspn(text, plain)] == '\0';
}

void aq_arguments_to_text(const struct aq_list *list, struct aq_buffer *out)
{
    for (uint32_t i = 0; i < list->count; i++) {
        const char *text = AQ_TEXT_ITEM(*list, i);
        if (i > 0)
            aq_buffer_char(out, ' ');
        if (is_plain(text)) {
            aq_buffer_text(out, text);
            continue;
        }
        aq_buffer_char(out, '\'');
        for (size_t length; (length = strcspn(text, "'")), text[length] != '\0'; text += length + 1) {
            aq_json_copy(text, length, out);
            aq_buffer_text(out, "'\\''");
        }
        aq_json_copy(text, strlen(text), out);
        aq_buffer_char(out, '\'');
    }
}

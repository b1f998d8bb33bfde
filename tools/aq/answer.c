#include "tools/aq/answer.h"

#include <string.h>
#include <strings.h>

#define BLANKS " \t"
enum { DECIMALS_MOST = 18, HEX_DIGITS_MOST = 15 }; /* of numbers that fit */

static bool is_over(const struct cli_answer *answer)
{
    return answer->state >= CLI_ANSWER_DONE;
}

/* All of the text, which has at least one digit and at most so many; false: it is no such number. */
static bool read_number(const char *text, size_t length, unsigned base, size_t most, uint64_t *out)
{
    static const char digits[] = "0123456789abcdef";
    *out = 0;
    if (length == 0 || length > most)
        return false;
    for (size_t i = 0; i < length; i++) {
        char c = text[i] >= 'A' && text[i] <= 'F' ? (char)(text[i] + 'a' - 'A') : text[i];
        const char *digit = c != '\0' ? strchr(digits, c) : NULL;
        if (digit == NULL || digit - digits >= (long)base)
            return false;
        *out = *out * base + (uint64_t)(digit - digits);
    }
    return true;
}

/* ---- lines ------------------------------------------------------------------------------------------------ */

/* "HTTP/1.1 200 OK" */
static enum cli_answer_state read_status(struct cli_answer *answer, const char *line)
{
    uint64_t status;
    bool is_http = strncmp(line, "HTTP/1.1 ", 9) == 0 || strncmp(line, "HTTP/1.0 ", 9) == 0;
    if (!is_http || !read_number(line + 9, strcspn(line + 9, " "), 10, 3, &status) || status < 100)
        return CLI_ANSWER_BAD;
    answer->closes = line[7] == '0';
    answer->status = (long)status;
    return CLI_ANSWER_HEADER;
}

/* Is `name` the name of the header in this line? Then `value` is what it says, without blanks around it. */
static bool is_header(const char *line, const char *name, const char **value, size_t *length)
{
    size_t name_length = strlen(name);
    if (strncasecmp(line, name, name_length) != 0 || line[name_length] != ':')
        return false;
    *value = line + name_length + 1 + strspn(line + name_length + 1, BLANKS);
    *length = strlen(*value);
    while (*length > 0 && strchr(BLANKS, (*value)[*length - 1]) != NULL)
        (*length)--;
    return true;
}

static enum cli_answer_state read_header(struct cli_answer *answer, const char *line)
{
    const char *value;
    size_t length;
    uint64_t number;
    if (strchr(line, ':') == NULL || line[0] == ':' || strchr(BLANKS, line[0]) != NULL)
        return CLI_ANSWER_BAD;
    if (is_header(line, "Content-Length", &value, &length)) {
        if (!read_number(value, length, 10, DECIMALS_MOST, &number) || (answer->has_length && number != answer->left))
            return CLI_ANSWER_BAD;
        answer->has_length = true;
        answer->left = number;
    } else if (is_header(line, "Transfer-Encoding", &value, &length)) {
        if (answer->is_chunked || length != strlen("chunked") || strncasecmp(value, "chunked", length) != 0)
            return CLI_ANSWER_BAD;
        answer->is_chunked = true;
    } else if (is_header(line, "Connection", &value, &length)) {
        answer->closes = answer->closes || (length == strlen("close") && strncasecmp(value, "close", length) == 0);
    } else if (is_header(line, "Retry-After", &value, &length)) {
        answer->retry_after_s = read_number(value, length, 10, DECIMALS_MOST, &number) ? number : 0;
    }
    return CLI_ANSWER_HEADER;
}

/* The empty line after the headers: what comes then? */
static enum cli_answer_state end_head(struct cli_answer *answer)
{
    if (answer->status == 101 || (answer->is_chunked && answer->has_length))
        return CLI_ANSWER_BAD;
    if (answer->status / 100 == 1) {
        answer->has_length = answer->is_chunked = false;
        return CLI_ANSWER_STATUS;
    }
    if (answer->status == 204 || answer->status == 304 || (answer->has_length && answer->left == 0))
        return CLI_ANSWER_DONE;
    if (answer->is_chunked)
        return CLI_ANSWER_SIZE;
    answer->closes = answer->closes || !answer->has_length;
    return answer->has_length ? CLI_ANSWER_LENGTH : CLI_ANSWER_TO_END;
}

static enum cli_answer_state read_size(struct cli_answer *answer, const char *line)
{
    if (!read_number(line, strcspn(line, "; \t"), 16, HEX_DIGITS_MOST, &answer->left))
        return CLI_ANSWER_BAD;
    return answer->left > 0 ? CLI_ANSWER_CHUNK : CLI_ANSWER_TRAILER;
}

static enum cli_answer_state read_line(struct cli_answer *answer)
{
    const char *line = aq_buffer_string(&answer->line);
    bool is_empty = line[0] == '\0';
    if (strlen(line) != answer->line.length)
        return CLI_ANSWER_BAD;
    switch (answer->state) {
    case CLI_ANSWER_STATUS:
        return read_status(answer, line);
    case CLI_ANSWER_HEADER:
        return is_empty ? end_head(answer) : read_header(answer, line);
    case CLI_ANSWER_SIZE:
        return read_size(answer, line);
    case CLI_ANSWER_AFTER:
        return is_empty ? CLI_ANSWER_SIZE : CLI_ANSWER_BAD;
    default:
        return is_empty ? CLI_ANSWER_DONE : CLI_ANSWER_TRAILER;
    }
}

/* Takes bytes up to the end of a line. */
static size_t take_line(struct cli_answer *answer, const char *bytes, size_t length)
{
    const char *end = memchr(bytes, '\n', length);
    size_t used = end != NULL ? (size_t)(end - bytes) + 1 : length;
    answer->head += used;
    if (answer->head > CLI_ANSWER_HEAD_MAX) {
        answer->state = CLI_ANSWER_BAD;
        return used;
    }
    aq_buffer_add(&answer->line, bytes, end != NULL ? used - 1 : used);
    if (end == NULL)
        return used;
    if (answer->line.length > 0 && answer->line.data[answer->line.length - 1] == '\r')
        answer->line.data[--answer->line.length] = '\0';
    answer->state = read_line(answer);
    aq_buffer_reset(&answer->line);
    return used;
}

/* ---- the body --------------------------------------------------------------------------------------------- */

static size_t take_body(struct cli_answer *answer, const char *bytes, size_t length)
{
    bool is_counted = answer->state != CLI_ANSWER_TO_END;
    if (is_counted && length > answer->left)
        length = (size_t)answer->left;
    if (!answer->take(answer->context, answer->status, bytes, length)) {
        answer->state = CLI_ANSWER_STOPPED;
        return length;
    }
    if (!is_counted)
        return length;
    answer->left -= length;
    answer->head = 0; /* from now on, what is around the next chunk */
    if (answer->left == 0)
        answer->state = answer->state == CLI_ANSWER_CHUNK ? CLI_ANSWER_AFTER : CLI_ANSWER_DONE;
    return length;
}

enum cli_answer_state cli_answer_feed(struct cli_answer *answer, const char *bytes, size_t length, size_t *used)
{
    *used = 0;
    while (*used < length && !is_over(answer)) {
        bool in_body = answer->state == CLI_ANSWER_LENGTH || answer->state == CLI_ANSWER_TO_END ||
                       answer->state == CLI_ANSWER_CHUNK;
        *used += in_body ? take_body(answer, bytes + *used, length - *used)
                         : take_line(answer, bytes + *used, length - *used);
    }
    return answer->state;
}

bool cli_answer_end(struct cli_answer *answer)
{
    if (answer->state == CLI_ANSWER_TO_END)
        answer->state = CLI_ANSWER_DONE;
    return answer->state == CLI_ANSWER_DONE;
}

void cli_answer_close(struct cli_answer *answer)
{
    aq_buffer_free(&answer->line);
}

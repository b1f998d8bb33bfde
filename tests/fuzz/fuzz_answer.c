/* Answers in HTTP as aq receives them at a socket. Input: a byte that chooses the size of pieces, then the answer.
 *
 * It is the same however the bytes are cut, and no more of the body comes out than went in. */
#include "tests/lib/fuzz.h"
#include "tools/aq/answer.h"

static bool note(void *context, long status, const char *bytes, size_t length)
{
    struct aq_buffer *seen = context;
    fuzz_must(status >= 100 && status <= 999 && length > 0);
    aq_buffer_add(seen, bytes, length);
    return seen->length < 4096;
}

static struct cli_answer feed(const char *bytes, size_t length, size_t step, unsigned seed, struct aq_buffer *seen)
{
    struct cli_answer answer = {.take = note, .context = seen};
    for (size_t at = 0; at < length;) {
        size_t used, piece = 1 + seed % step;
        piece = piece < length - at ? piece : length - at;
        cli_answer_feed(&answer, bytes + at, piece, &used);
        fuzz_must(used <= piece && (used == piece || answer.state >= CLI_ANSWER_DONE));
        at += piece;
        seed = seed * 1103515245 + 12345;
    }
    cli_answer_end(&answer);
    fuzz_must(answer.line.length <= CLI_ANSWER_HEAD_MAX);
    cli_answer_close(&answer);
    return answer;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    struct aq_buffer whole = {0}, pieces = {0};
    unsigned seed = (unsigned)fuzz_take(&in, 1);
    char *bytes = fuzz_rest(&in, false);
    struct cli_answer one = feed(bytes, in.size, SIZE_MAX, UINT32_MAX, &whole);
    struct cli_answer other = feed(bytes, in.size, 1 + seed % 16, seed, &pieces);
    if (one.state != CLI_ANSWER_STOPPED &&
        other.state != CLI_ANSWER_STOPPED) { /* where it stops depends on the pieces */
        fuzz_must(one.state == other.state && one.status == other.status && one.closes == other.closes);
        fuzz_must(whole.length == pieces.length && whole.length <= in.size);
        fuzz_must(whole.length == 0 || memcmp(whole.data, pieces.data, whole.length) == 0);
    }
    aq_buffer_free(&whole);
    aq_buffer_free(&pieces);
    free(bytes);
    return 0;
}

/* Event streams as aq receives them. Input: a byte that chooses the size of pieces, then the stream.
 *
 * The events are the same however the stream is cut. */
#include "tests/lib/fuzz.h"
#include "tools/aq/sse.h"

static void note(void *context, const struct cli_sse_event *event)
{
    struct aq_buffer *seen = context;
    fuzz_must(event->name != NULL && event->data != NULL);
    aq_buffer_format(seen, "%llu|%s|%zu|", (unsigned long long)event->id, event->name, event->length);
    aq_buffer_add(seen, event->data, event->length);
    aq_buffer_char(seen, '\n');
}

static bool feed(const char *bytes, size_t length, size_t step, unsigned seed, struct aq_buffer *seen)
{
    struct cli_sse sse = {0};
    bool good = true;
    for (size_t at = 0; good && at < length;) {
        size_t piece = 1 + seed % step;
        piece = piece < length - at ? piece : length - at;
        good = cli_sse_feed(&sse, bytes + at, piece, note, seen);
        at += piece;
        seed = seed * 1103515245 + 12345;
    }
    cli_sse_close(&sse);
    return good;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input in = {data, size};
    struct aq_buffer whole = {0}, pieces = {0};
    unsigned seed = (unsigned)fuzz_take(&in, 1);
    char *bytes = fuzz_rest(&in, false);
    bool good = feed(bytes, in.size, SIZE_MAX, UINT32_MAX, &whole);
    fuzz_must(feed(bytes, in.size, 1 + seed % 16, seed, &pieces) == good);
    fuzz_must(whole.length == pieces.length);
    fuzz_must(whole.length == 0 || memcmp(whole.data, pieces.data, whole.length) == 0);
    aq_buffer_free(&whole);
    aq_buffer_free(&pieces);
    free(bytes);
    return 0;
}

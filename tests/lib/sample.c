#include "tests/lib/sample.h"
#include "tests/lib/cmocka.h"

AQ_DEFINE_WORDS(sample_colour, SAMPLE_COLOURS)
AQ_DEFINE(sample_part, "part", 1, "a part of a sample")
AQ_DEFINE(sample, "sample", 1, "one of everything")

struct sample sample_full(void)
{
    static struct sample_part rest[] = {{"wheel", 20}, {"seat-2.b", 0}};
    static const char *tags[] = {"two words", "\"quoted\"", ""};
    return (struct sample){
        .count = UINT64_MAX,
        .ready = true,
        .seen_at = 1795215433123, /* 2026-11-20T22:57:13.123Z */
        .pause = 5400,
        .cpu = 1500,
        .memory = 1536,
        .colour = SAMPLE_BLUE,
        .note = "one\n\ttwo \\ \"three\" \xE2\x82\xAC",
        .name = "n-1",
        .extra = "{\"a\":[1,null,{\"b\":\"c\"}]}",
        .raw = {(const unsigned char *)"\x00\xFF\x10", 3},
        .tags = {tags, 3},
        .first = {"frame", 1000},
        .rest = {rest, 2},
        .parent = 7,
        .owner = "ann",
        .token = "sesame",
        .revision = 3,
        .result = aq_some(0),
    };
}

void sample_assert_equal(const struct sample *a, const struct sample *b)
{
    assert_int_equal(a->count, b->count);
    assert_int_equal(a->ready, b->ready);
    assert_int_equal(a->seen_at, b->seen_at);
    assert_int_equal(a->pause, b->pause);
    assert_int_equal(a->cpu, b->cpu);
    assert_int_equal(a->memory, b->memory);
    assert_int_equal(a->colour, b->colour);
    assert_string_equal(a->note, b->note);
    assert_string_equal(a->name, b->name);
    assert_string_equal(a->extra, b->extra);
    assert_int_equal(a->raw.length, b->raw.length);
    if (a->raw.length > 0)
        assert_memory_equal(a->raw.data, b->raw.data, a->raw.length);
    assert_int_equal(a->tags.count, b->tags.count);
    for (uint32_t i = 0; i < a->tags.count; i++)
        assert_string_equal(AQ_TEXT_ITEM(a->tags, i), AQ_TEXT_ITEM(b->tags, i));
    assert_string_equal(a->first.name, b->first.name);
    assert_int_equal(a->first.weight, b->first.weight);
    assert_int_equal(a->rest.count, b->rest.count);
    for (uint32_t i = 0; i < a->rest.count; i++) {
        assert_string_equal(AQ_ITEM(a->rest, struct sample_part, i)->name,
                            AQ_ITEM(b->rest, struct sample_part, i)->name);
        assert_int_equal(AQ_ITEM(a->rest, struct sample_part, i)->weight,
                         AQ_ITEM(b->rest, struct sample_part, i)->weight);
    }
    assert_int_equal(a->parent, b->parent);
    assert_string_equal(a->owner, b->owner);
    assert_int_equal(a->result, b->result);
}

/* aq top: amounts of bytes in few digits, and rows of what nodes and workloads use. */
#include "schema/model/node.h"
#include "schema/model/resource.h"
#include "tests/lib/cmocka.h"
#include "tools/aq/figures.h"
#include "tools/aq/top.h"

static void bytes_have_three_digits_at_most(void **state)
{
    (void)state;
    static const struct {
        double bytes;
        const char *text;
    } rows[] = {{0, "0B"},         {999, "999B"},    {1000, "1.0KiB"},        {1024, "1.0KiB"},
                {10137, "9.9KiB"}, {10240, "10KiB"}, {1023 * 1024, "1.0MiB"}, {5.0e8, "477MiB"},
                {2.5e10, "23GiB"}, {1e18, "888PiB"}, {1e19, "8882PiB"}};
    for (size_t i = 0; i < AQ_LENGTH(rows); i++) {
        AQ_CLEANUP_BUFFER struct aq_buffer text = {0};
        cli_figures_bytes(rows[i].bytes, &text);
        assert_string_equal(aq_buffer_string(&text), rows[i].text);
    }
}

static void expect_row(const struct aq_entity *entity, const char *row, const char *expected)
{
    json_t *given = json_loads(row, 0, NULL), *wanted = json_loads(expected, 0, NULL);
    assert_non_null(given);
    assert_non_null(wanted);
    json_t *top = cli_top_row(entity, given);
    if (!json_equal(top, wanted))
        fail_msg("%s", json_dumps(top, JSON_COMPACT));
    json_decref(top);
    json_decref(given);
    json_decref(wanted);
}

static void a_row_has_what_is_used_and_its_bounds(void **state)
{
    (void)state;
    expect_row(&aq_entity_resource,
               "{\"id\":7,\"application\":8,\"user\":\"ann\",\"node\":\"n1\",\"driver\":\"test\","
               "\"amounts\":{\"cpu\":0.5,\"ram\":\"64MiB\",\"slots\":1},"
               "\"live\":{\"cpu\":0.25,\"memory_bytes\":4096,\"read_rate\":0,\"write_rate\":null,\"cpu_ms\":9}}",
               "{\"id\":7,\"application\":8,\"user\":\"ann\",\"node\":\"n1\",\"cpu\":0.25,\"memory_bytes\":4096,"
               "\"read_rate\":0,\"write_rate\":null,\"receive_rate\":null,\"send_rate\":null,"
               "\"cpu_most\":0.5,\"memory_most\":67108864}");
    expect_row(&aq_entity_node,
               "{\"name\":\"n1\",\"status\":\"ACTIVE\",\"capacity\":{\"cpu\":2,\"ram\":\"1GiB\"},"
               "\"live\":{\"cpu\":1.5,\"memory_bytes\":1,\"workloads\":3,\"cpu_all\":4.0,\"memory_all\":8589934592}}",
               "{\"name\":\"n1\",\"status\":\"ACTIVE\",\"cpu\":1.5,\"memory_bytes\":1,\"read_rate\":null,"
               "\"write_rate\":null,\"receive_rate\":null,\"send_rate\":null,\"cpu_most\":4.0,"
               "\"memory_most\":8589934592,\"workloads\":3}");
}

/* A node that has not reported, a workload without limits, a server that is older. */
static void what_is_not_there_is_null(void **state)
{
    (void)state;
    expect_row(&aq_entity_node,
               "{\"name\":\"n1\",\"status\":\"LOST\",\"capacity\":{\"cpu\":2,\"ram\":\"0MiB\"},\"live\":null}",
               "{\"name\":\"n1\",\"status\":\"LOST\",\"cpu\":null,\"memory_bytes\":null,\"read_rate\":null,"
               "\"write_rate\":null,\"receive_rate\":null,\"send_rate\":null,\"cpu_most\":2.0,\"memory_most\":null}");
    expect_row(&aq_entity_resource, "{\"id\":7}",
               "{\"id\":7,\"cpu\":null,\"memory_bytes\":null,\"read_rate\":null,\"write_rate\":null,"
               "\"receive_rate\":null,\"send_rate\":null,\"cpu_most\":null,\"memory_most\":null}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_have_three_digits_at_most),
        cmocka_unit_test(a_row_has_what_is_used_and_its_bounds),
        cmocka_unit_test(what_is_not_there_is_null),
    };
    return cmocka_run_group_tests_name("aq: top", tests, NULL, NULL);
}

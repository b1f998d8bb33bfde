/* The placement index against a model: after any changes, undo restores the state at the mark. */
#include "controller/place/index.h"
#include "tests/lib/chance.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { NODES = 24, MARKS_MAX = 8, OPERATIONS = 20000 };

struct model_node {
    bool there, active, maintenance;
    struct aq_amounts free;
    unsigned driver; /* which driver it has */
};

struct model {
    struct model_node node[NODES + 1]; /* by number */
};

static const char *driver_name(unsigned driver, char text[16])
{
    snprintf(text, 16, "driver-%u", driver);
    return text;
}

/* ---- the same changes to both ------------------------------------------------------------------------- */

static void set(struct place_index *index, struct model *model, uint64_t number)
{
    struct model_node *row = &model->node[number];
    char name[16], driver[16], identifier[16];
    *row = (struct model_node){true, draw(2), draw(2), {.cpu = draw(9), .ram = draw(9), .slots = draw(9)}, draw(5)};
    snprintf(name, sizeof name, "node-%" PRIu64, number);
    snprintf(identifier, sizeof identifier, "id-%" PRIu64, number);
    const char *drivers[] = {driver_name(row->driver, driver)}, *identifiers[] = {identifier};
    struct aq_node node = {.name = name,
                           .number = number,
                           .status = row->active ? AQ_NODE_ACTIVE : AQ_NODE_LOST,
                           .maintenance = row->maintenance,
                           .address = "",
                           .agent_version = "",
                           .drivers = {drivers, 1},
                           .identifiers = {identifiers, 1},
                           .free = row->free};
    place_index_set(index, &node);
    /* The index must copy its arguments. */
    memset(name, 'x', sizeof name);
    memset(driver, 'x', sizeof driver);
    memset(identifier, 'x', sizeof identifier);
}

static void set_free(struct place_index *index, struct model *model, uint64_t number)
{
    struct model_node *row = &model->node[number];
    row->free = (struct aq_amounts){draw(9), draw(9), draw(9), draw(9)};
    place_index_set_free(index, number, &row->free);
}

static void remove_node(struct place_index *index, struct model *model, uint64_t number)
{
    model->node[number] = (struct model_node){0};
    place_index_remove(index, number);
}

static void change(struct place_index *index, struct model *model)
{
    uint64_t number = 1 + draw(NODES), what = draw(10);
    if (!model->node[number].there || what < 2)
        set(index, model, number);
    else if (what < 8)
        set_free(index, model, number);
    else
        remove_node(index, model, number);
}

static void check(const struct place_index *index, const struct model *model)
{
    struct place_columns columns = place_index_columns(index);
    size_t row = 0;
    for (uint64_t number = 1; number <= NODES; number++) {
        const struct model_node *node = &model->node[number];
        char name[16], driver[16], pattern[16];
        if (!node->there)
            continue;
        snprintf(name, sizeof name, "node-%" PRIu64, number);
        snprintf(pattern, sizeof pattern, "id-%" PRIu64, number);
        assert_true(row < columns.count);
        assert_int_equal(columns.number[row], number);
        assert_int_equal(columns.cpu[row], node->free.cpu);
        assert_int_equal(columns.ram[row], node->free.ram);
        assert_int_equal(columns.disk[row], node->free.disk);
        assert_int_equal(columns.slots[row], node->free.slots);
        assert_int_equal(columns.active[row], node->active);
        assert_int_equal(columns.maintenance[row], node->maintenance);
        assert_string_equal(place_index_name(index, row), name);
        assert_true(place_index_has_driver(index, row, driver_name(node->driver, driver)));
        assert_false(place_index_has_driver(index, row, driver_name(node->driver + 1, driver)));
        assert_true(place_index_matches(index, row, pattern));
        row++;
    }
    assert_int_equal(row, columns.count);
}

/* ---- tests -------------------------------------------------------------------------------------------- */

static void random_changes_are_undone_to_their_marks(void **context)
{
    (void)context;
    struct place_index *index = place_index_new();
    struct model model = {0}, at_mark[MARKS_MAX];
    size_t mark[MARKS_MAX], marks = 0;
    draw_from(1);
    for (int i = 0; i < OPERATIONS; i++) {
        uint64_t what = draw(40);
        if (what == 0 && marks < MARKS_MAX) {
            at_mark[marks] = model;
            mark[marks++] = place_index_mark(index);
        } else if (what == 1 && marks > 0) {
            marks -= 1 + draw(marks); /* the last mark or an older one */
            model = at_mark[marks];
            place_index_undo(index, mark[marks]);
        } else if (what == 2 && draw(10) == 0) {
            place_index_keep(index);
            marks = 0;
        } else {
            change(index, &model);
        }
        if (i % 16 == 0 || what <= 2)
            check(index, &model);
    }
    place_index_free(index);
}

static void undoing_everything_leaves_nothing(void **context)
{
    (void)context;
    struct place_index *index = place_index_new();
    struct model model = {0};
    for (int i = 0; i < 500; i++)
        change(index, &model);
    place_index_undo(index, 0);
    assert_int_equal(place_index_columns(index).count, 0);
    place_index_undo(index, 0);
    place_index_free(index);
}

static void what_is_kept_cannot_be_undone(void **context)
{
    (void)context;
    struct place_index *index = place_index_new();
    struct model model = {0};
    for (int i = 0; i < 500; i++)
        change(index, &model);
    place_index_keep(index);
    assert_int_equal(place_index_mark(index), 0);
    place_index_undo(index, 0);
    check(index, &model);
    place_index_free(index);
}

static void an_empty_index_is_empty(void **context)
{
    (void)context;
    struct place_index *index = place_index_new();
    place_index_undo(index, place_index_mark(index));
    place_index_keep(index);
    assert_int_equal(place_index_columns(index).count, 0);
    place_index_free(index);
    place_index_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_changes_are_undone_to_their_marks),
        cmocka_unit_test(undoing_everything_leaves_nothing),
        cmocka_unit_test(what_is_kept_cannot_be_undone),
        cmocka_unit_test(an_empty_index_is_empty),
    };
    return cmocka_run_group_tests_name("place index", tests, NULL, NULL);
}

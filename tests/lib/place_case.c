#include "tests/lib/place_case.h"

#include <inttypes.h>

const struct aq_amounts plenty = {.cpu = 8000, .ram = 8192, .disk = 8192, .slots = 8};
struct place_answer answer;
struct aq_list serving;
struct aq_amounts whole = {.cpu = 8000, .ram = 8192, .disk = 8192, .slots = 8};

void given_machine(uint64_t number, struct aq_amounts room, bool lost, bool maintenance)
{
    char name[32];
    snprintf(name, sizeof name, "node-%" PRIu64, number);
    struct aq_node node = {.name = name,
                           .number = number,
                           .status = lost ? AQ_NODE_LOST : AQ_NODE_ACTIVE,
                           .maintenance = maintenance,
                           .drivers = ITEMS(const char *, "test"),
                           .identifiers = ITEMS(const char *, "os:linux", "rack:a1", name),
                           .projects = serving,
                           .free = room,
                           .capacity = whole};
    place_index_set(spec.index, spec_record(&aq_node_record, &node));
}

void ask(struct aq_definition *definitions, uint32_t count, struct aq_list tries)
{
    struct aq_list list = {definitions, count};
    struct place_request request = {0, &list, &tries};
    place(spec.index, &request, &answer, &spec.arena);
}

void ask_of(const char *project, uint64_t label, struct aq_needs needs)
{
    static const struct aq_list no_tries;
    struct aq_definition definition = {.driver = "test", .resources = needs};
    struct aq_list list = {&definition, 1};
    struct place_request request = {label, &list, &no_tries, 0, project};
    place(spec.index, &request, &answer, &spec.arena);
}

void ask_for(struct aq_needs needs)
{
    struct aq_definition definition = {.driver = "test", .resources = needs};
    ask(&definition, 1, (struct aq_list){0});
}

const struct aq_ballot_group *group(uint32_t i)
{
    assert_true(i < answer.groups.count);
    return AQ_ITEM(answer.groups, struct aq_ballot_group, i);
}

void check_group(uint32_t i, enum aq_answer said, uint64_t have, uint64_t need, const char *nodes)
{
    assert_int_equal(group(i)->answer, said);
    assert_int_equal(group(i)->have, have);
    assert_int_equal(group(i)->need, need);
    assert_string_equal(group(i)->nodes, nodes);
}

void check_impossible(const char *why)
{
    assert_false(answer.placed);
    assert_true(answer.impossible);
    assert_false(answer.exhausted);
    static const char begins[] = "no node that has joined could ever take it: ";
    assert_int_equal(strncmp(answer.reason, begins, strlen(begins)), 0);
    assert_string_equal(answer.reason + strlen(begins), why);
}

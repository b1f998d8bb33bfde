/* Tests of placement: given machines, what is asked, and what the answer says.
 *
 *     given_machine(1, plenty, false, false);
 *     ask_for((struct aq_needs){.cpu = 1000});
 *     assert_string_equal(answer.node, "node-1");
 *     check_group(0, AQ_ANSWER_FITS, 0, 0, "1");
 *
 * The index is that of decide_case.h: tests are SPEC_TESTs. */
#ifndef AQ_TESTS_LIB_PLACE_CASE_H
#define AQ_TESTS_LIB_PLACE_CASE_H

#include "controller/place/place.h"
#include "tests/lib/decide_case.h"

extern const struct aq_amounts plenty;

/* The node node-<number>, with the driver test; `room` is what is free there. Replaces one with the same number. */
void given_machine(uint64_t number, struct aq_amounts room, bool lost, bool maintenance);
/* Of the machines that follow: the projects that they serve (none: all), and their capacity. */
extern struct aq_list serving;
extern struct aq_amounts whole;

/* The answer to what was asked last, in the arena of the test. */
extern struct place_answer answer;

void ask(struct aq_definition *definitions, uint32_t count, struct aq_list tries);
/* One definition with these needs; the second form for an application of the project, with the number of its label. */
void ask_for(struct aq_needs needs);
void ask_of(const char *project, uint64_t label, struct aq_needs needs);

const struct aq_ballot_group *group(uint32_t i);
void check_group(uint32_t i, enum aq_answer said, uint64_t have, uint64_t need, const char *nodes);
/* It was not placed, and never could be: `why` follows "no node that has joined could ever take it: ". */
void check_impossible(const char *why);

#endif

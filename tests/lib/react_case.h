/* What the leader does by itself (controller/react/react.h), with a real writer in virtual time. One at a time. */
#ifndef AQ_TESTS_LIB_REACT_CASE_H
#define AQ_TESTS_LIB_REACT_CASE_H

#include "controller/react/react.h"
#include "schema/model/application.h"
#include "schema/model/label.h"
#include "tests/lib/cluster.h"

enum { REACT_CASE_SOON_MS = 1500 };

extern struct react_case {
    struct test_cluster cluster;
    struct react *react;
    unsigned turns; /* that it took */
} react_case;

/* For cmocka: with the user admin and the label mac, and no node. */
int react_case_setup(void **context);
int react_case_teardown(void **context);
void react_case_make_rows(void); /* these rows */

void react_case_begin(void); /* it begins to take turns */
void react_case_die(void);   /* the process is killed: what is under way gets no answer */

/* Commands of admin, which must succeed. */
void react_case_ask(const struct aq_command *command, const void *record);
uint64_t react_case_create(const char *label); /* an application; returns its number */
void react_case_create_many(const char *label, uint32_t count);
void react_case_label(const char *name, struct aq_needs needs);
void react_case_end_resource(uint64_t id, const char *node);

enum aq_application_status react_case_status(uint64_t application);
/* It has the status within so many ms. */
void react_case_await(uint64_t application, enum aq_application_status status, unsigned within_ms);

#endif

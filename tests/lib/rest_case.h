/* REST on a test_cluster, with an admin, a user and a client without a login. */
#ifndef AQ_TESTS_LIB_REST_CASE_H
#define AQ_TESTS_LIB_REST_CASE_H

#include "tests/lib/cmocka.h"
#include "tests/lib/http_client.h"
#include "tests/lib/services.h"

#include <semaphore.h>

struct rest_case {
    struct test_cluster cluster;
    struct test_services services;
    struct http_client admin, user, nobody;
    char admin_login[128], user_login[128];
    struct http_reply reply;
    sem_t verify_begun, verify_may_end;
    bool verify_fails;
};

/* ---- set-up --------------------------------------------------------------------------------------------- */

int rest_setup(void **context);
/* The same with other settings: `change` gets them before anything starts. */
int rest_setup_with(void **context, void (*change)(struct aq_config_controller *config));
int rest_teardown(void **context);

/* ---- asking ------------------------------------------------------------------------------------------------ */

/* Parts of the last answer. */
json_t *rest_data(struct rest_case *rest);
const char *rest_message(struct rest_case *rest);
uint64_t rest_seq(struct rest_case *rest);
/* Asks as `client`; checks the status and the envelope. Returns the data. */
json_t *rest_ask_as(struct rest_case *rest, const struct http_client *client, const char *method, const char *path,
                    const char *body, int status);
/* Asks as the admin; the status must be 200. */
json_t *rest_get(struct rest_case *rest, const char *path);
json_t *rest_post(struct rest_case *rest, const char *path, const char *body);
/* Asks as the admin; the message of the refusal must contain `words`. */
void rest_refused(struct rest_case *rest, const char *method, const char *path, const char *body, int status,
                  const char *words);
bool rest_has_header(const struct rest_case *rest, const char *line);
/* Asks for the metrics, without a login. Returns the value of aquarium_<name>, which must be there. */
uint64_t rest_metric(struct rest_case *rest, const char *name);
/* Waits until so many requests have begun since `begun`, a value of http_requests_total. */
void rest_await_requests(struct rest_case *rest, uint64_t begun, unsigned count);
/* Creates the label mac and so many applications. */
void rest_make_applications(struct rest_case *rest, int applications);

/* ---- asking in another thread ------------------------------------------------------------------------- */

struct rest_waiter {
    struct rest_case *rest;
    struct http_client client;
    const char *path;
    struct http_reply reply;
};

void *rest_ask_in_thread(void *context);

#define REST_TEST(test) cmocka_unit_test_setup_teardown(test, rest_setup, rest_teardown)

#endif

/* A data directory with the cluster's authority in it, and openssl, which must see there what we do. */
#ifndef AQ_TESTS_LIB_TLS_PLACE_H
#define AQ_TESTS_LIB_TLS_PLACE_H

#include "controller/tls/authority.h"
#include "tests/lib/cmocka.h"

struct tls_place {
    char data[64];
    struct authority *authority; /* NULL until it is opened */
};

/* Runs the test with a place whose authority is not open yet. */
#define TLS_PLACE_TEST(test) cmocka_unit_test_setup_teardown(test, tls_place_set_up, tls_place_tear_down)
int tls_place_set_up(void **context);
int tls_place_tear_down(void **context);

/* Opens the authority as a start of the controller at that time does. -1: it was refused, and is closed. */
int tls_place_try_open(struct tls_place *place, uint64_t now_ms, struct aq_error *error);
void tls_place_open(struct tls_place *place, uint64_t now_ms); /* the same; it must succeed */

/* Runs a command of the shell in the directory <data>/tls. It must succeed; its output is valid until the next call. */
const char *tls_place_shell(const struct tls_place *place, const char *command);

#endif

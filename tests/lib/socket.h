/* Plain TCP connections to this machine, for tests that send what no library would. */
#ifndef AQ_TESTS_LIB_SOCKET_H
#define AQ_TESTS_LIB_SOCKET_H

#include <stdbool.h>
#include <stddef.h>

/* Connects to the port on 127.0.0.1 from 127.0.0.`host`. Sending and receiving give up after `timeout_s`; 0: never.
 * Returns the descriptor, or -1 when the connection is refused or not accepted in time. */
int test_connect(unsigned host, unsigned port, unsigned timeout_s);

/* Listens on a free port of 127.0.0.1 and tells which. Returns the descriptor, or -1. */
int test_listen(unsigned *port, int backlog);

/* Returns false when the peer closed the connection or did not read in time. */
bool test_send(int fd, const void *bytes, size_t length);

/* Writes "Authorization: Basic ...\r\n" for a login "name:token". */
void test_authorization(char *header, size_t size, const char *login);

#endif

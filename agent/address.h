/* The controller's address as the setting `controller` gives it, and this host's own address on the way there. */
#ifndef AQ_AGENT_ADDRESS_H
#define AQ_AGENT_ADDRESS_H

#include <stdbool.h>

enum { ADDRESS_HOST_SIZE = 128, ADDRESS_PORT_SIZE = 8, ADDRESS_URL_SIZE = 160, ADDRESS_OWN_SIZE = 64 };

struct address {
    char host[ADDRESS_HOST_SIZE]; /* a name, or an address without brackets */
    char port[ADDRESS_PORT_SIZE]; /* 1 to 65535 */
};

/* Reads "ADDRESS:PORT", where an IPv6 address may be in brackets. False: it is not of that form. */
bool address_parse(struct address *address, const char *text);

/* "tcp://127.0.0.1:8002" */
void address_url(const struct address *address, char url[ADDRESS_URL_SIZE]);

/* Numeric; empty when there is no route yet. Sends nothing. */
void address_own(const struct address *controller, char own[ADDRESS_OWN_SIZE]);

#endif

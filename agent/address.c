#include "agent/address.h"

#include "schema/base/files.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

bool address_parse(struct address *address, const char *text)
{
    const char *colon = strrchr(text, ':');
    size_t length = colon != NULL ? (size_t)(colon - text) : 0;
    if (length == 0 || length >= sizeof address->host || strlen(colon + 1) > 5 ||
        strspn(colon + 1, "0123456789") != strlen(colon + 1))
        return false;
    long port = strtol(colon + 1, NULL, 10);
    if (port < 1 || port > 65535)
        return false;
    bool bracketed = text[0] == '[' && colon[-1] == ']' && length > 2;
    snprintf(address->host, sizeof address->host, "%.*s", (int)(bracketed ? length - 2 : length),
             text + (bracketed ? 1 : 0));
    snprintf(address->port, sizeof address->port, "%s", colon + 1);
    return strspn(address->host, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-_:") ==
           strlen(address->host);
}

void address_url(const struct address *address, char url[ADDRESS_URL_SIZE])
{
    const char *format = strchr(address->host, ':') != NULL ? "tcp://[%s]:%s" : "tcp://%s:%s";
    snprintf(url, ADDRESS_URL_SIZE, format, address->host, address->port);
}

void address_own(const struct address *controller, char own[ADDRESS_OWN_SIZE])
{
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM}, *found = NULL;
    struct sockaddr_storage name;
    socklen_t length = sizeof name;
    own[0] = '\0';
    if (getaddrinfo(controller->host, controller->port, &hints, &found) != 0)
        return;
    AQ_CLEANUP_FD int fd = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, found->ai_addr, found->ai_addrlen) == 0 &&
        getsockname(fd, (struct sockaddr *)&name, &length) == 0 &&
        getnameinfo((struct sockaddr *)&name, length, own, ADDRESS_OWN_SIZE, NULL, 0, NI_NUMERICHOST) != 0)
        own[0] = '\0';
    freeaddrinfo(found);
}

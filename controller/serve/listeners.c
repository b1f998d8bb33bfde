#include "controller/serve/listeners.h"

#include "controller/serve/local.h"
#include "controller/serve/network.h"
#include "schema/base/address.h"
#include "schema/base/files.h"
#include "schema/base/journal.h"
#include "schema/base/listen.h"

#include <stdio.h>
#include <string.h>

enum { BACKLOG = 1024, PATH_SIZE = 1200 };

/* ---- settings ------------------------------------------------------------------------------------------- */

static const struct sockaddr *address_of(const struct aq_listen_place *place)
{
    return (const struct sockaddr *)&place->socket_address;
}

static bool is_given(const char *address)
{
    return address[0] != '\0';
}

static int resolve_plain(const struct aq_config_api *api, struct aq_listen_place *place, struct aq_error *error)
{
    *place = (struct aq_listen_place){.section = "api", .address = api->address, .port = api->port};
    if (aq_listen_resolve(place, error) != 0)
        return -1;
    if (!network_is_loopback(address_of(place)))
        return aq_fail(error, AQ_E_INVALID,
                       "api.address is %s, but only loopback is served without TLS; set api.tls.address instead",
                       api->address);
    return 0;
}

static int resolve_tls(const struct aq_config_tls *tls, struct aq_listen_place *place, struct aq_error *error)
{
    *place = (struct aq_listen_place){.section = "api.tls", .address = tls->address, .port = tls->port};
    return aq_listen_resolve(place, error);
}

static int resolve_meta(const struct aq_config_meta *meta, struct aq_listen_place *place, struct aq_error *error)
{
    *place = (struct aq_listen_place){.section = "meta", .address = meta->address, .port = meta->port};
    return aq_listen_resolve(place, error);
}

int listeners_check(const struct aq_config_controller *config, struct aq_error *error)
{
    struct aq_listen_place place;
    if ((is_given(config->api.address) && resolve_plain(&config->api, &place, error) != 0) ||
        (is_given(config->api.tls.address) && resolve_tls(&config->api.tls, &place, error) != 0) ||
        (is_given(config->meta.address) && resolve_meta(&config->meta, &place, error) != 0))
        return -1;
    return local_check(config, error);
}

/* ---- opening ---------------------------------------------------------------------------------------------- */

static int write_port(const char *directory, const char *name, unsigned port, struct aq_error *error)
{
    char path[PATH_SIZE], text[16];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    int length = snprintf(text, sizeof text, "%u\n", port);
    return aq_file_replace_unsynced(AT_FDCWD, path, 0644, text, (size_t)length, error);
}

static int open_place(struct listeners *listeners, enum listener_kind kind, const struct aq_listen_place *place,
                      const char *data, const char *port_file, struct aq_error *error)
{
    static const char *const words[] = {[LISTENER_PLAIN] = "listening for requests without TLS",
                                        [LISTENER_TLS] = "listening for requests with TLS",
                                        [LISTENER_META] = "listening for requests for metadata"};
    char text[8];
    int fd = aq_listen_open(place, BACKLOG, error);
    if (fd < 0)
        return -1;
    listeners->list[listeners->count++] = (struct listener){.kind = kind, .fd = fd};
    unsigned port = aq_listen_port(fd);
    snprintf(text, sizeof text, "%u", port);
    aq_journal(AQ_INFO, words[kind], "address", place->address, "port", text, NULL);
    return write_port(data, port_file, port, error);
}

static bool covers(const struct aq_listen_place *wide, const struct aq_listen_place *narrow)
{
    static const unsigned char zero4[16] = {[10] = 0xFF, [11] = 0xFF}, zero6[16];
    unsigned char bytes[16];
    (void)aq_address_bytes(address_of(wide), bytes);
    bool four = narrow->socket_address.ss_family == AF_INET;
    bool all4 = memcmp(bytes, zero4, sizeof bytes) == 0, all6 = memcmp(bytes, zero6, sizeof bytes) == 0;
    return wide->port == narrow->port && wide->port != 0 && (all6 || (all4 && four));
}

static int open_api(struct listeners *listeners, const struct aq_config_controller *config, struct aq_error *error)
{
    const struct aq_config_api *api = &config->api;
    struct aq_listen_place plain, tls;
    bool has_plain = is_given(api->address), has_tls = is_given(api->tls.address);
    if ((has_plain && resolve_plain(api, &plain, error) != 0) || (has_tls && resolve_tls(&api->tls, &tls, error) != 0))
        return -1;
    bool shared = has_plain && has_tls && covers(&tls, &plain);
    if (has_plain && !shared &&
        open_place(listeners, LISTENER_PLAIN, &plain, config->data, AQ_FILE_API_PORT, error) != 0)
        return -1;
    if (has_tls && open_place(listeners, LISTENER_TLS, &tls, config->data, AQ_FILE_TLS_PORT, error) != 0)
        return -1;
    if (!shared)
        return 0;
    struct listener *both = &listeners->list[listeners->count - 1];
    both->shares = true;
    (void)aq_address_bytes(address_of(&plain), both->plain);
    aq_journal(AQ_INFO, "the same port serves loopback without TLS", "address", plain.address, NULL);
    return write_port(config->data, AQ_FILE_API_PORT, (unsigned)plain.port, error);
}

/* Of an earlier start, with other settings. */
static void remove_ports(const char *directory)
{
    static const char *const names[] = {AQ_FILE_API_PORT, AQ_FILE_TLS_PORT, AQ_FILE_META_PORT};
    for (size_t i = 0; i < AQ_LENGTH(names); i++) {
        char path[PATH_SIZE];
        snprintf(path, sizeof path, "%s/%s", directory, names[i]);
        unlink(path);
    }
}

int listeners_open(struct listeners *listeners, const struct aq_config_controller *config, struct aq_error *error)
{
    struct aq_listen_place meta;
    listeners->count = 0;
    remove_ports(config->data);
    int fd = local_open(config, BACKLOG, error);
    if (fd < 0)
        return -1;
    listeners->list[listeners->count++] = (struct listener){.kind = LISTENER_LOCAL, .fd = fd};
    if (open_api(listeners, config, error) != 0)
        return -1;
    if (!is_given(config->meta.address))
        return 0;
    return resolve_meta(&config->meta, &meta, error) == 0 &&
                   open_place(listeners, LISTENER_META, &meta, config->data, AQ_FILE_META_PORT, error) == 0
               ? 0
               : -1;
}

void listeners_close(struct listeners *listeners)
{
    for (unsigned i = 0; i < listeners->count; i++)
        close(listeners->list[i].fd);
    listeners->count = 0;
}

/* ---- accepting -------------------------------------------------------------------------------------------- */

static bool is_to_plain(const struct listener *listener, int fd)
{
    struct sockaddr_storage own = {0};
    socklen_t length = sizeof own;
    unsigned char bytes[16];
    return getsockname(fd, (struct sockaddr *)&own, &length) == 0 &&
           aq_address_bytes((const struct sockaddr *)&own, bytes) && memcmp(bytes, listener->plain, sizeof bytes) == 0;
}

bool listener_accept(const struct listener *listener, struct arrival *arrival)
{
    arrival->length = sizeof arrival->address;
    arrival->fd =
        accept4(listener->fd, (struct sockaddr *)&arrival->address, &arrival->length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (arrival->fd < 0)
        return false;
    arrival->kind = listener->shares && is_to_plain(listener, arrival->fd) ? LISTENER_PLAIN : listener->kind;
    return true;
}

#include "controller/hub/endpoints.h"

#include "controller/hub/gate.h"
#include "schema/base/files.h"
#include "schema/base/journal.h"
#include "schema/wire/messages.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

enum { PATH_SIZE = 1200 };

static int write_port(const char *directory, uint64_t port, struct aq_error *error)
{
    char path[PATH_SIZE], text[24];
    snprintf(path, sizeof path, "%s/" AQ_FILE_HUB_PORT, directory);
    int length = snprintf(text, sizeof text, "%" PRIu64 "\n", port);
    return aq_file_replace_unsynced(AT_FDCWD, path, 0666, text, (size_t)length, error);
}

int endpoints_make_directory(const struct aq_config_controller *config, struct aq_error *error)
{
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/run", config->data);
    if (aq_directory_make(AT_FDCWD, path, 0700, error) != 0)
        return -1;
    if (chmod(path, 0700) != 0) /* if it existed, with another mode */
        return aq_fail_errno(error, errno, "cannot set the mode of directory %s", path);
    return 0;
}

int endpoints_open_local(struct hub_carrier **carrier, const struct aq_config_controller *config,
                         struct aq_error *error)
{
    char path[PATH_SIZE];
    const size_t most = sizeof((struct sockaddr_un *)NULL)->sun_path - 1;
    int length = snprintf(path, sizeof path, "%s/" AQ_FILE_LOCAL_SOCKET, config->data);
    if (length < 0 || (size_t)length > most)
        return aq_fail(error, AQ_E_INVALID,
                       "data is %zu bytes long; the path of the socket in it leaves room for at most %zu",
                       strlen(config->data), most - strlen("/" AQ_FILE_LOCAL_SOCKET));
    return gate_open_local(carrier, path, error);
}

int endpoints_open_agents(struct hub_carrier **carrier, const struct aq_config_controller *config, uint64_t *port,
                          struct aq_error *error)
{
    char number[24];
    *port = config->hub.port;
    if (gate_open(carrier, config->hub.address, port, error) != 0 || write_port(config->data, *port, error) != 0)
        return -1;
    snprintf(number, sizeof number, "%" PRIu64, *port);
    aq_journal(AQ_INFO, "listening for agents", "address", config->hub.address, "port", number, NULL);
    return 0;
}

#include "controller/hub/endpoints.h"

#include "schema/base/files.h"
#include "schema/base/journal.h"
#include "schema/wire/seal.h"

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

int endpoints_open_local(struct hub_channel *channel, const struct aq_config_controller *config, struct aq_error *error)
{
    char path[PATH_SIZE], url[PATH_SIZE + 8];
    const char *directory = config->data;
    const size_t most = sizeof((struct sockaddr_un *)NULL)->sun_path - 1;
    struct aq_wire_key key;
    snprintf(path, sizeof path, "%s/" AQ_FILE_LOCAL_KEY, directory);
    if (aq_wire_key_make(&key, path, error) != 0)
        return -1;
    int length = snprintf(path, sizeof path, "%s/" AQ_FILE_LOCAL_SOCKET, directory);
    if (length < 0 || (size_t)length > most)
        return aq_fail(error, AQ_E_INVALID,
                       "data is %zu bytes long; the path of the socket in it leaves room for at most %zu",
                       strlen(directory), most - strlen("/" AQ_FILE_LOCAL_SOCKET));
    if (unlink(path) != 0 && errno != ENOENT)
        return aq_fail_errno(error, errno, "cannot remove the old socket %s", path);
    snprintf(url, sizeof url, "ipc://%s", path);
    return channel_open(channel, url, &key, error);
}

int endpoints_open_agents(struct hub_channel *channel, const struct aq_config_controller *config,
                          struct aq_error *error)
{
    char path[PATH_SIZE], number[24];
    struct aq_wire_key key;
    uint64_t port = config->hub.port;
    snprintf(path, sizeof path, "%s/" AQ_FILE_AGENT_KEY, config->data);
    if (aq_wire_key_make(&key, path, error) != 0 ||
        channel_open_tcp(channel, config->hub.address, &port, &key, error) != 0 ||
        write_port(config->data, port, error) != 0)
        return -1;
    snprintf(number, sizeof number, "%" PRIu64, port);
    aq_journal(AQ_INFO, "listening for agents", "address", config->hub.address, "port", number, NULL);
    return 0;
}

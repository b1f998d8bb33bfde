#include "controller/serve/local.h"

#include "controller/state/indexes.h"
#include "controller/state/rights.h"
#include "drivers/cgroup/cgroup.h"
#include "schema/base/files.h"
#include "schema/base/listen.h"
#include "schema/model/user.h"

#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

#define ROOT_ACTS_AS "admin"

enum { PATH_SIZE = 1200 };

/* ---- the socket --------------------------------------------------------------------------------------------- */

static int find_group(const char *name, gid_t *id, struct aq_error *error)
{
    struct group found, *result = NULL;
    char text[16384];
    *id = 0;
    if (name[0] == '\0')
        return 0;
    int failed = getgrnam_r(name, &found, text, sizeof text, &result);
    if (result == NULL)
        return aq_fail(error, AQ_E_INVALID, "api.group is \"%s\", but this host has no such group%s%s", name,
                       failed != 0 ? ": " : "", failed != 0 ? strerror(failed) : "");
    *id = found.gr_gid;
    return 0;
}

int local_check(const struct aq_config_controller *config, struct aq_error *error)
{
    gid_t group;
    const size_t most = sizeof((struct sockaddr_un *)NULL)->sun_path - sizeof "/" AQ_FILE_API_SOCKET;
    if (strlen(config->data) > most)
        return aq_fail(error, AQ_E_INVALID,
                       "data has %zu bytes, but the path of the socket in it leaves room for at most %zu",
                       strlen(config->data), most);
    return find_group(config->api.group, &group, error);
}

/* Members may pass through, and see no names: what is in the data directory is for root alone, by modes of its own. */
static int let_group_pass(const char *path, gid_t group, struct aq_error *error)
{
    if (chown(path, (uid_t)-1, group) != 0 || chmod(path, 0710) != 0)
        return aq_fail_errno(error, errno, "cannot let the group of api.group pass through %s", path);
    return 0;
}

/* After a group was taken out of the settings. Another mode is an operator's wish. */
static int let_nobody_pass(const char *path, struct aq_error *error)
{
    struct stat status;
    if (stat(path, &status) != 0 || ((status.st_mode & 07777) == 0710 && chmod(path, 0700) != 0))
        return aq_fail_errno(error, errno, "cannot set the mode of directory %s", path);
    return 0;
}

int local_open(const struct aq_config_controller *config, int backlog, struct aq_error *error)
{
    char path[PATH_SIZE];
    gid_t group;
    if (find_group(config->api.group, &group, error) != 0)
        return -1;
    snprintf(path, sizeof path, "%s/run", config->data);
    if (group == 0 && (let_nobody_pass(config->data, error) != 0 || let_nobody_pass(path, error) != 0))
        return -1;
    if (group != 0 && (let_group_pass(config->data, group, error) != 0 || let_group_pass(path, group, error) != 0))
        return -1;
    snprintf(path, sizeof path, "%s/" AQ_FILE_API_SOCKET, config->data);
    return aq_listen_open_local(path, 0660, geteuid() == 0 ? group : (gid_t)-1, backlog, error);
}

/* ---- who calls ------------------------------------------------------------------------------------------------ */

uid_t local_peer(int fd)
{
    uid_t uid;
    return cgroup_peer_is_outside(fd, &uid) ? uid : LOCAL_NOBODY;
}

static int find_user(struct request *request, struct state_txn *txn, struct aq_user *user)
{
    char name[AQ_NAME_MAX + 1] = ROOT_ACTS_AS;
    unsigned uid = (unsigned)request->uid;
    if (request->uid == LOCAL_NOBODY)
        return aq_fail(&request->error, AQ_E_UNAUTHENTICATED,
                       "a workload of this host has no rights of its own here: send a user name and a token");
    bool found =
        (uid == 0 || state_user_of_uid(txn, uid, name, sizeof name)) && state_user(txn, name, user, &request->arena);
    if (state_failed(txn, &request->error))
        return -1;
    if (!found)
        return aq_fail(&request->error, AQ_E_UNAUTHENTICATED,
                       "uid %u is not a user of this cluster: send a user name and a token, or let an admin set the "
                       "field uid of a user to %u",
                       uid, uid);
    return 0;
}

void local_identify(struct request *request)
{
    struct state_txn *txn;
    struct aq_user user;
    if (state_read(request->backend->state, &txn, &request->error) != 0)
        return;
    request_set_seq(request, state_seq(txn));
    request->known = find_user(request, txn, &user) == 0;
    if (request->known)
        request->caller = rights_caller(txn, &user, &request->arena);
    state_end(txn);
}
